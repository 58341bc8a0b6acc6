"""Lines and money are divided among parcels without a unit or a cent left over."""

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
    st.integers(1, 4),
    st.data(),
)  # fmt: skip
def test_shares_of_a_whole_order_sum_to_its_total(
    raw: list[tuple[int, int, int]], freight: int, parcels: int, data: st.DataObject
) -> None:
    lines = [Line(i, f"s{i}", n, price, tax) for i, (n, price, tax) in enumerate(raw, start=1)]
    parts: list[dict[int, int]] = [{} for _ in range(parcels)]
    for line in lines:
        for _ in range(line.quantity):
            part = parts[data.draw(st.integers(0, parcels - 1))]
            part[line.line_no] = part.get(line.line_no, 0) + 1
    charges = [Charge("shipping", freight)]
    total = sum(line.total_minor for line in lines) + freight
    assert sum(value_shares(lines, charges, parts)) == total


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
