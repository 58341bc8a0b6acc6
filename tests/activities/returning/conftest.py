"""The returns counter of the shop."""

import pytest

from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return Counter(shop)
