"""Worlds for the sandbox's tests."""

import pytest

from tests.sandbox.world import DAY_IN_A_SECOND, SPECS, living


@pytest.fixture
async def world(tmp_path):
    """Vendor time stands practically still: nothing due later happens during the test."""
    async with living(tmp_path, factor=1.0) as it:
        yield it


@pytest.fixture
async def fast_world(tmp_path):
    """One second is ten days."""
    async with living(tmp_path, factor=10 * DAY_IN_A_SECOND) as it:
        yield it


@pytest.fixture(scope="session")
def specs():
    if not SPECS.is_dir():
        pytest.skip("the vendors' published contracts are not beside this checkout")
    return SPECS
