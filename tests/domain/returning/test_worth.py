"""What returned goods are worth: whatever the sequence, all parts sum to what was paid."""

from collections import Counter
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from domain.invoicing import tax_beside
from domain.order import Charge, Line
from domain.returning.parcels import Goods, Item, ShippedLine, ShippedParcel, cost, pick
from domain.returning.policy import DEFAULT, ReturnPolicy
from domain.returning.worth import (
    REFUND_ORDER,
    Held,
    Refundable,
    bonus,
    deduct,
    goods_in_parcels,
    goods_of,
    spread,
    stepped,
)
from domain.shares import value_shares
from tests.domain.test_invoicing import order_charges, order_lines, splits

amounts = st.integers(0, 10**6)


def line(line_no: int, quantity: int, goods_minor: int) -> ShippedLine:
    return ShippedLine(line_no, f"SKU-{line_no}", None, quantity, 0, 0, goods_minor)


@st.composite
def parcels(draw: st.DrawFn) -> list[ShippedParcel]:
    found = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        lines = tuple(
            line(line_no, draw(st.integers(1, 4)), draw(amounts))
            for line_no in range(1, draw(st.integers(1, 3)) + 1)
        )
        share = sum(each.goods_minor for each in lines) + draw(st.integers(-50, 5_000))
        found.append(ShippedParcel(f"o-f{number}", "west", max(0, share), None, lines))
    return found


@dataclass(frozen=True)
class Sold:
    """An order's parcels, and what its goods cost with their tax and discount, without freight."""

    parcels: list[ShippedParcel]
    goods_minor: int


@st.composite
def sold(draw: st.DrawFn) -> Sold:
    """Charges of any kind, tax beside the lines among them, and any split into parcels."""
    lines = draw(order_lines())
    charges = draw(order_charges(lines))
    parts = draw(splits(lines))
    taxes = tax_beside(lines, charges)
    costs = {each.line_no: each.total_minor + tax for each, tax in zip(lines, taxes, strict=False)}
    discount = sum(charge.amount_minor for charge in charges if charge.kind == "discount")
    held = [Held(number, units, costs[number]) for part in parts for number, units in part.items()]
    goods = iter(goods_of(held, discount))
    shares = value_shares(lines, charges, parts)
    found = [
        ShippedParcel(
            f"o-f{number}", "west", share, None,
            tuple(line(line_no, units, next(goods)) for line_no, units in part.items()),
        )
        for number, (part, share) in enumerate(zip(parts, shares, strict=True), start=1)
    ]  # fmt: skip
    return Sold(found, sum(costs.values()) + discount)


def after(held: list[ShippedParcel], items: tuple[Item, ...]) -> list[ShippedParcel]:
    """The parcels once these units have been returned."""
    taken: Counter[tuple[str, int]] = Counter()
    for item in items:
        taken[item.fulfillment_id, item.line_no] += item.units
    return [
        replace(
            parcel,
            lines=tuple(
                replace(each, returned=each.returned + taken[parcel.fulfillment_id, each.line_no])
                for each in parcel.lines
            ),
        )
        for parcel in held
    ]


def total(goods: Goods) -> int:
    return goods.chosen_minor + goods.faulty_minor + goods.freight_minor


def all_back(held: list[ShippedParcel], data: st.DataObject) -> list[Goods]:
    """Return everything, in any sequence of returns; answer what each brought."""
    found = []
    while free := [(p, x) for p in held for x in p.lines if x.free]:
        _, chosen = data.draw(st.sampled_from(free))
        units = data.draw(st.integers(1, chosen.free))
        items = pick(held, chosen.line_no, units, is_fault=data.draw(st.booleans()))
        assert sum(item.units for item in items) == units
        found.append(cost(held, items))
        held = after(held, items)
    return found


@given(parcels(), st.data())
def test_any_sequence_of_returns_brings_exactly_what_the_parcels_cost(
    held: list[ShippedParcel], data: st.DataObject
) -> None:
    paid = sum(parcel.share_minor for parcel in held)
    assert sum(total(goods) for goods in all_back(held, data)) == paid


@given(sold(), st.data())
def test_any_sequence_of_returns_brings_the_goods_with_their_tax_and_then_the_freight(
    order: Sold, data: st.DataObject
) -> None:
    brought = all_back(order.parcels, data)
    freight = sum(goods.freight_minor for goods in brought)
    assert sum(total(goods) for goods in brought) - freight == order.goods_minor
    assert order.goods_minor + freight == sum(each.share_minor for each in order.parcels)


def test_tax_beside_the_lines_is_worth_as_much_as_tax_on_them() -> None:
    charges = [Charge("shipping", 500), Charge("tax", 525)]
    beside, *_ = tax_beside([Line(1, "a", 2, 1_000)], charges)
    (goods,) = goods_of([Held(1, 2, 2_000 + beside)], 0)
    held = [ShippedParcel("o-f1", "west", 3_025, None, (line(1, 2, goods),))]
    first, second = pick(held, 1, 1), pick(held, 1, 2)
    assert cost(held, first) == Goods(chosen_minor=1_210)
    assert cost(held, second) == Goods(chosen_minor=2_420, freight_minor=605)


def test_what_was_sent_in_exchange_has_no_part_in_discounts() -> None:
    held = [Held(1, 2, 2_000), Held(1, 2, 2_000), Held(10_001, 1, 700, is_exchange=True)]
    assert goods_of(held, -200) == (900, 900, 700)


@given(parcels())
def test_more_than_is_there_is_never_picked(held: list[ShippedParcel]) -> None:
    items = pick(held, 1, 1_000)
    there = sum(each.free for parcel in held for each in parcel.lines if each.line_no == 1)
    assert sum(item.units for item in items) == there


@given(st.lists(st.tuples(st.sampled_from(REFUND_ORDER), st.integers(1, 1_000))), amounts)
def test_no_tender_gives_back_more_than_it_holds(
    given_held: list[tuple[str, int]], wanted: int
) -> None:
    held = [Refundable(f"a{n}", n, kind, amount) for n, (kind, amount) in enumerate(given_held)]
    parts = spread(wanted, held)
    assert sum(part for _, part in parts) == min(wanted, sum(each.amount_minor for each in held))
    assert all(0 < part <= each.amount_minor for each, part in parts)
    ranks = [REFUND_ORDER.index(each.kind) for each, _ in parts]
    assert ranks == sorted(ranks)


@given(st.lists(amounts, max_size=8), st.sampled_from([1, 10]))
def test_what_rounding_leaves_over_a_later_refund_brings(parts: list[int], step: int) -> None:
    before, paid = 0, 0
    for part in parts:
        payable = stepped(before, part, step)
        assert payable % step == 0
        paid += payable
        before += part
    assert paid == sum(parts) // step * step


@given(amounts, st.lists(st.integers(0, 9), max_size=4))
def test_a_lines_money_lies_in_its_parcels_without_remainder(
    total_minor: int, counts: list[int]
) -> None:
    parts = goods_in_parcels(total_minor, counts)
    assert sum(parts) == (total_minor if any(counts) else 0)


def test_what_was_our_fault_costs_the_customer_nothing() -> None:
    policy = ReturnPolicy(restocking_fee_bp=1_000, return_freight_minor=300, refunds_freight=False)
    chosen = deduct(Goods(chosen_minor=2_000, freight_minor=500), policy)
    assert (chosen.total_minor, chosen.fee_minor) == (1_500, 200)
    faulty = deduct(Goods(faulty_minor=2_000, freight_minor=500), policy)
    assert faulty.total_minor == 2_500
    assert deduct(Goods(chosen_minor=100), policy).total_minor == 0


def test_store_credit_is_worth_its_bonus_more() -> None:
    assert bonus(1_999, replace(DEFAULT, credit_bonus_bp=500)) == 99
