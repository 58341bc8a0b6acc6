"""Lines and money are divided among parcels without a unit or a cent left over."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order import Charge, Line, Tender
from domain.shares import assign_lines, tender_shares, value_shares


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 10_000), st.integers(0, 500)),
        min_size=1, max_size=5,
    ),
    st.integers(0, 5_000),
    st.integers(0, 100),
    st.integers(1, 4),
    st.data(),
)  # fmt: skip
def test_shares_of_a_whole_order_sum_to_its_total_and_none_is_negative(
    raw: list[tuple[int, int, int]],
    freight: int,
    percent_off: int,
    parcels: int,
    data: st.DataObject,
) -> None:
    lines = [Line(i, f"s{i}", n, price, tax) for i, (n, price, tax) in enumerate(raw, start=1)]
    worth = sum(line.total_minor for line in lines)
    parts: list[dict[int, int]] = [{} for _ in range(parcels)]
    for line in lines:
        for _ in range(line.quantity):
            part = parts[data.draw(st.integers(0, parcels - 1))]
            part[line.line_no] = part.get(line.line_no, 0) + 1
    off = worth * percent_off // 100
    charges = [Charge("shipping", freight), Charge("discount", -off)]
    shares = value_shares(lines, charges, parts)
    assert sum(shares) == worth + freight - off
    assert min(shares) >= 0


KINDS = st.sampled_from(["card", "store_credit", "debit"])


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 10_000), KINDS), max_size=5),
)
def test_tenders_pay_every_share_and_are_used_up(
    shares: list[int], given_money: list[tuple[int, str]]
) -> None:
    left, tenders = sum(shares), []
    for amount, kind in [*given_money, (50_000, "card")]:
        if left:
            tenders.append(Tender(len(tenders) + 1, kind, min(amount, left), "x"))
            left -= min(amount, left)
    rows = tender_shares(shares, tenders)
    assert [sum(row.values()) for row in rows] == shares
    for tender in tenders:
        assert sum(row.get(tender.tender_no, 0) for row in rows) == tender.amount_minor


def test_money_that_is_ours_is_used_before_cards() -> None:
    tenders = [Tender(1, "card", 60, "x"), Tender(2, "store_credit", 40, "y")]
    assert tender_shares([50, 50], tenders) == ({2: 40, 1: 10}, {1: 50})


def test_lines_that_share_a_sku_are_filled_in_order() -> None:
    lines = [Line(1, "a", 2, 1), Line(2, "a", 2, 1)]
    assert assign_lines(lines, [{"a": 3}, {"a": 1}]) == ({1: 2, 2: 1}, {2: 1})


def test_charges_of_free_goods_are_split_by_units() -> None:
    lines = [Line(1, "a", 3, 0)]
    assert value_shares(lines, [Charge("shipping", 100)], [{1: 2}, {1: 1}]) == (67, 33)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(0, 9))
def test_shares_keep_to_the_step_of_the_currency_when_their_sum_does(
    prices: list[int], odd: int
) -> None:
    """Three decimals of which cards settle two: a share of 3.333 could not be captured."""
    lines = [Line(number, "a", 1, price) for number, price in enumerate(prices, start=1)]
    total = sum(prices) + odd
    parts = [{line.line_no: 1} for line in lines]
    shares = value_shares(lines, [Charge("shipping", odd)], parts, step=10)
    assert sum(shares) == total
    assert all(share % 10 == 0 for share in shares) or total % 10


def test_a_dinar_is_shared_in_tens() -> None:
    lines = [Line(1, "a", 3, 3_330), Line(2, "b", 1, 10)]
    assert value_shares(lines, [], [{1: 1, 2: 1}, {1: 2}], step=10) == (3_340, 6_660)
    assert value_shares([Line(1, "a", 2, 5_005)], [], [{1: 1}, {1: 1}], step=10) == (5_010, 5_000)


def test_a_line_no_parcel_holds_is_worth_nothing_to_any() -> None:
    lines = [Line(1, "a", 1, 500), Line(2, "b", 1, 300)]
    assert value_shares(lines, [], [{1: 1}]) == (500,)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: assign_lines([Line(1, "a", 1, 1)], [{"a": 2}]), "more than was ordered"),
        (lambda: tender_shares([2], [Tender(1, "card", 1, "x")]), "cover the order"),
    ],
)
def test_what_does_not_add_up_is_an_error_and_never_a_wrong_number(act: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        act()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=1, max_size=6),
    st.integers(1, 4),
    st.data(),
)
def test_units_sourced_are_units_assigned(
    raw: list[tuple[str, int]], places: int, data: st.DataObject
) -> None:
    lines = [Line(number, sku, count, 1) for number, (sku, count) in enumerate(raw, start=1)]
    sourced: list[dict[str, int]] = [{} for _ in range(places)]
    for line in lines:
        for _ in range(line.quantity):
            units = sourced[data.draw(st.integers(0, places - 1))]
            units[line.sku] = units.get(line.sku, 0) + 1
    parts = assign_lines(lines, sourced)
    skus = {line.line_no: line.sku for line in lines}
    for line in lines:
        assert sum(part.get(line.line_no, 0) for part in parts) == line.quantity
    for part, units in zip(parts, sourced, strict=True):
        found = {sku: sum(n for no, n in part.items() if skus[no] == sku) for sku in units}
        assert found == units
