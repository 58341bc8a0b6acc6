"""One box holds everything a location packs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.parcel import PACKAGING_G, Measures, one_box

SIZE = st.integers(1, 5_000)
ITEMS = st.lists(
    st.tuples(st.builds(Measures, SIZE, SIZE, SIZE, SIZE), st.integers(1, 50)), min_size=1
)


def test_units_are_stacked_on_the_widest_footprint() -> None:
    items = [(Measures(500, 200, 150, 50), 3), (Measures(100, 300, 10, 20), 1)]
    assert one_box(items) == Measures(PACKAGING_G + 1_600, 300, 150, 170)


@given(ITEMS)
def test_every_unit_fits_and_weighs(items: list[tuple[Measures, int]]) -> None:
    box = one_box(iter(items))
    assert box.weight_g - PACKAGING_G == sum(item.weight_g * count for item, count in items)
    assert box.height_mm == sum(item.height_mm * count for item, count in items)
    assert all(item.length_mm <= box.length_mm for item, _ in items)
    assert all(item.width_mm <= box.width_mm for item, _ in items)


def test_nothing_is_no_parcel() -> None:
    with pytest.raises(ValueError, match="something in it"):
        one_box([])
