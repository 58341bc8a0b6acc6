"""A fulfillment order that is divided loses neither a unit nor a cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order import Line
from domain.shortage import REASONS, StockEffect, divide, missing, written_off


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 10_000)), min_size=1, max_size=4),
    st.integers(0, 100_000),
    st.sampled_from([1, 10]),
    st.integers(1, 4),
    st.data(),
)
def test_pieces_sum_to_the_share_and_none_is_negative(
    raw: list[tuple[int, int]], share: int, step: int, count: int, data: st.DataObject
) -> None:
    lines = [Line(number, f"s{number}", units, price) for number, (units, price) in enumerate(raw)]
    pieces: list[dict[int, int]] = [{} for _ in range(count)]
    for line in lines:
        for _ in range(line.quantity):
            piece = pieces[data.draw(st.integers(0, count - 1))]
            piece[line.line_no] = piece.get(line.line_no, 0) + 1
    worth = divide(lines, pieces, share, step)
    assert sum(worth) == share
    assert min(worth) >= 0
    assert all(amount % step == 0 for amount in worth) or share % step
    assert all(amount == 0 for amount, piece in zip(worth, pieces, strict=True) if not piece)


@given(st.dictionaries(st.integers(1, 5), st.integers(1, 9), min_size=1), st.data())
def test_what_is_picked_and_what_is_missing_is_what_was_wanted(
    wanted: dict[int, int], data: st.DataObject
) -> None:
    picked = {line: data.draw(st.integers(0, units)) for line, units in wanted.items()}
    lacking = missing(wanted, picked)
    assert {line: picked[line] + lacking.get(line, 0) for line in wanted} == wanted
    assert 0 not in lacking.values()


@pytest.mark.parametrize("picked", [{1: 3}, {2: 1}, {1: -1}])
def test_other_units_than_wanted_are_no_short_pick(picked: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="more was picked"):
        missing({1: 2}, picked)


@given(st.sampled_from(StockEffect), *[st.integers(0, 50)] * 3)
def test_no_write_off_takes_what_others_hold(
    effect: StockEffect, units: int, here: int, pool: int
) -> None:
    assert 0 <= written_off(effect, units, here, pool) <= min(here, pool)


def test_each_reason_says_what_becomes_of_the_stock() -> None:
    assert {name: written_off(reason.effect, 2, 9, 9) for name, reason in REASONS.items()} == {
        "not_found": 9, "damaged": 2, "wrong_item": 2, "no_capacity": 0, "closed": 0,
    }  # fmt: skip
