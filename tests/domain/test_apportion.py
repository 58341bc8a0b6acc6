"""Whatever is taken, in whatever pieces: the parts are the whole, to the last minor unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.apportion import portion

AMOUNTS = st.integers(-(10**14), 10**14)


@given(AMOUNTS, st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_any_sequence_of_parts_sums_to_the_whole(amount: int, parts: list[int]) -> None:
    whole, before, total = sum(parts), 0, 0
    for units in parts:
        total += portion(amount, whole, before, units)
        before += units
    assert total == (amount if whole else 0)


@given(AMOUNTS, st.integers(1, 1000))
def test_single_units_differ_by_one_minor_unit_at_most(amount: int, whole: int) -> None:
    values = {portion(amount, whole, before, 1) for before in range(min(whole, 50))}
    assert max(values) - min(values) <= 1


@given(st.integers(0, 10**14), st.integers(1, 100))
def test_no_part_of_a_charge_is_a_discount(amount: int, whole: int) -> None:
    assert all(portion(amount, whole, before, 1) >= 0 for before in range(whole))


@pytest.mark.parametrize(("whole", "before", "units"), [(2, 1, 2), (2, -1, 1), (2, 0, -1)])
def test_more_than_there_is_cannot_be_taken(whole: int, before: int, units: int) -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        portion(100, whole, before, units)
