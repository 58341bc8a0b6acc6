"""Whatever an order is, and however it is split: what is billed is what was paid, to the unit."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.invoicing import (
    ADJUSTMENT,
    GOODS,
    PARTIAL,
    Bill,
    Part,
    Rates,
    bill_parcel,
    credit,
    rate_of,
    rates_of,
    tax_beside,
    tax_on,
)
from domain.money import settled_step
from domain.order import Charge, Line
from domain.shares import value_shares

CURRENCIES = st.sampled_from(["EUR", "USD", "BRL", "JPY", "KWD"])
RATES = st.sampled_from([0, 40_000, 72_500, 88_750, 100_000, 210_000])


@st.composite
def order_lines(draw: st.DrawFn) -> tuple[Line, ...]:
    """Taxed as channels do: the rate's tax on what is left after the discount."""
    found = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, 50_000))
        discount = draw(st.integers(0, quantity * price // 2))
        tax = tax_on(quantity * price - discount, draw(RATES))
        found.append(Line(number, f"s{number}", quantity, price, tax, discount))
    return tuple(found)


@st.composite
def order_charges(draw: st.DrawFn, lines: tuple[Line, ...]) -> tuple[Charge, ...]:
    goods = sum(line.total_minor for line in lines)
    found = [
        Charge(kind, draw(st.integers(0, 5_000)))
        for kind in draw(st.lists(st.sampled_from(["shipping", "other", "financing", "tax"])))
    ]
    if draw(st.booleans()):
        found.append(Charge("discount", -draw(st.integers(0, goods // 3))))
    return tuple(found)


@st.composite
def splits(draw: st.DrawFn, lines: tuple[Line, ...]) -> list[dict[int, int]]:
    """Each unit of each line in one of up to four parcels."""
    count = draw(st.integers(1, 4))
    parts: list[dict[int, int]] = [{} for _ in range(count)]
    for line in lines:
        for _ in range(line.quantity):
            part = parts[draw(st.integers(0, count - 1))]
            part[line.line_no] = part.get(line.line_no, 0) + 1
    return [part for part in parts if part]


def bills_of(
    lines: tuple[Line, ...], charges: tuple[Charge, ...], parts: list[dict[int, int]], currency: str
) -> list[tuple[int, Bill]]:
    """Each parcel's share with its bill, in the order of hand-over."""
    shares = value_shares(lines, charges, parts, settled_step(currency))
    before: dict[int, int] = {}
    found = []
    for part, share in zip(parts, shares, strict=True):
        held = [
            Part(line, part.get(line.line_no, 0), before.get(line.line_no, 0)) for line in lines
        ]
        found.append((share, bill_parcel(held, charges, share, currency)))
        before |= {p.line.line_no: p.before + p.units for p in held}
    return found


def sums(bill: Bill) -> int:
    return sum(t.base_minor + t.tax_minor for t in bill.taxes) + bill.rounding_minor


def assert_adds_up(bill: Bill) -> None:
    assert sums(bill) == bill.total_minor
    for tax in bill.taxes:
        of_rate = [row.net_minor for row in bill.rows if row.rate_ppm == tax.rate_ppm]
        assert sum(of_rate) == tax.base_minor
        assert tax.tax_minor == tax_on(tax.base_minor, tax.rate_ppm)
    for row in bill.rows:
        if row.kind == GOODS:
            assert row.net_minor == row.units * row.price_minor - row.discount_minor


@given(st.data(), CURRENCIES)
def test_the_invoices_of_any_split_sum_to_what_was_paid(data: st.DataObject, currency: str) -> None:
    lines = data.draw(order_lines())
    charges = data.draw(order_charges(lines))
    parts = data.draw(splits(lines))
    found = bills_of(lines, charges, parts, currency)
    total = sum(line.total_minor for line in lines) + sum(c.amount_minor for c in charges)
    assert sum(bill.total_minor for _, bill in found) == total
    for share, bill in found:
        assert bill.total_minor == share
        assert_adds_up(bill)


@given(st.data(), CURRENCIES)
def test_all_goods_are_billed_once(data: st.DataObject, currency: str) -> None:
    lines = data.draw(order_lines())
    charges = data.draw(order_charges(lines))
    found = bills_of(lines, charges, data.draw(splits(lines)), currency)
    rows = [row for _, bill in found for row in bill.rows]
    for line in lines:
        mine = [row for row in rows if row.line_no == line.line_no]
        assert sum(row.units for row in mine) == line.quantity
        assert sum(row.discount_minor for row in mine) == line.discount_minor


@given(st.data(), CURRENCIES)
def test_all_charges_are_billed_once(data: st.DataObject, currency: str) -> None:
    """Without tax, so that what is no goods are charges, and what dividing them leaves."""
    lines = tuple(replace(line, tax_minor=0) for line in data.draw(order_lines()))
    charges = tuple(each for each in data.draw(order_charges(lines)) if each.kind != "tax")
    found = [bill for _, bill in bills_of(lines, charges, data.draw(splits(lines)), currency)]
    billed = sum(row.net_minor for bill in found for row in bill.rows if row.kind != GOODS)
    rounded = sum(bill.rounding_minor for bill in found)
    assert billed + rounded == sum(charge.amount_minor for charge in charges)


@given(st.data(), CURRENCIES)
def test_an_order_as_it_was_placed_needs_no_adjustment(data: st.DataObject, currency: str) -> None:
    lines = data.draw(order_lines())
    assume(sum(line.total_minor for line in lines) > 0)
    charges = (Charge("shipping", data.draw(st.integers(0, 5_000))),)
    for _, bill in bills_of(lines, charges, data.draw(splits(lines)), currency):
        assert [row for row in bill.rows if row.kind == ADJUSTMENT] == []


@given(st.data(), CURRENCIES)
def test_any_credit_notes_add_up_and_never_exceed_their_invoice(
    data: st.DataObject, currency: str
) -> None:
    lines = data.draw(order_lines())
    invoice = bills_of(lines, (Charge("shipping", 790),), [{n.line_no: n.quantity for n in lines}],
                       currency)[0][1]  # fmt: skip
    notes: list[Bill] = []
    left = {line.line_no: line.quantity for line in lines}
    while (rest := invoice.total_minor - sum(note.total_minor for note in notes)) > 0:
        amount = data.draw(st.integers(1, rest))
        units = {n: data.draw(st.integers(0, count)) for n, count in left.items()}
        named, is_part = {n: u for n, u in units.items() if u}, data.draw(st.booleans())
        note = credit(invoice, notes, amount, named, currency, is_part=is_part)
        assert note.total_minor == amount
        assert_adds_up(note)
        notes.append(note)
        left = {n: count - units[n] for n, count in left.items()}
        if len(notes) > 5:
            notes.append(
                credit(invoice, notes, rest - amount, {}, currency)
            ) if rest > amount else 0
            break
    with pytest.raises(ValueError, match="left of the invoice"):
        credit(invoice, notes, invoice.total_minor + 1, {}, currency)


def test_a_whole_credit_repeats_the_invoice() -> None:
    line = Line(1, "a", 2, 1_000, tax_minor=420)
    invoice = bill_parcel([Part(line, 2)], [], 2_420, "EUR")
    assert credit(invoice, [], 2_420, {}, "EUR") == invoice


def test_units_that_come_back_are_credited_by_their_price_and_a_fee_stands_apart() -> None:
    line = Line(1, "a", 3, 1_000, tax_minor=630)
    invoice = bill_parcel([Part(line, 3)], [], 3_630, "EUR")
    note = credit(invoice, [], 1_210 - 500, {1: 1}, "EUR")
    assert [(row.kind, row.units, row.net_minor) for row in note.rows] == [
        (GOODS, 1, 1_000),
        (ADJUSTMENT, 1, -500),
    ]
    assert note.total_minor == 710
    with pytest.raises(ValueError, match="cannot be taken"):
        credit(invoice, [note], 1_000, {1: 3}, "EUR")


def test_parts_of_what_is_given_for_units_are_credited_at_their_rates() -> None:
    lines = [Line(1, "a", 1, 1_000, tax_minor=210), Line(2, "b", 1, 1_000, tax_minor=100)]
    invoice = bill_parcel([Part(line, 1) for line in lines], [], 2_310, "EUR")
    first = credit(invoice, [], 700, {1: 1}, "EUR", is_part=True)
    second = credit(invoice, [first], 510, {1: 1}, "EUR", is_part=True)
    for note in (first, second):
        assert_adds_up(note)
        assert [(row.kind, row.rate_ppm) for row in note.rows] == [(PARTIAL, 210_000)]
    assert sum(tax.tax_minor for note in (first, second) for tax in note.taxes) == 210


@given(st.integers(1_000, 10**9), RATES.filter(bool))
def test_the_rate_is_found_again_from_its_tax(net: int, rate: int) -> None:
    found = rate_of(net, tax_on(net, rate))
    assert tax_on(net, found) == tax_on(net, rate)


@pytest.mark.parametrize(
    ("net", "tax", "rate"),
    [(109_800, 7_686, 70_000), (10_990, 797, 72_500), (100, 21, 210_000), (0, 5, 0), (5, 0, 0)],
)
def test_the_simplest_rate_is_taken(net: int, tax: int, rate: int) -> None:
    assert rate_of(net, tax) == rate


def test_small_amounts_share_the_rate_of_the_large_ones() -> None:
    lines = [Line(1, "a", 1, 10_990, tax_minor=797), Line(2, "b", 1, 990, tax_minor=72)]
    assert rates_of(lines, []) == Rates({1: 72_500, 2: 72_500}, ())


def test_tax_beside_the_lines_is_on_what_has_none_of_its_own() -> None:
    lines = [Line(1, "a", 1, 1_000, tax_minor=210)]
    charges = [Charge("shipping", 500), Charge("tax", 105)]
    assert rates_of(lines, charges) == Rates({1: 210_000}, (210_000, 0))
    untaxed = [replace(lines[0], tax_minor=0)]
    assert rates_of(untaxed, [Charge("tax", 70)]) == Rates({1: 70_000}, (0,))
    assert tax_beside(untaxed, charges) == (70, 35, 0)


def test_untaxed_parcels_are_billed_without_rounding() -> None:
    """A third of 1.00 each: value shares say 34, 33, 33 and the freight follows them."""
    lines = tuple(Line(number, "a", 1, 1_000) for number in (1, 2, 3))
    parts = [{1: 1}, {2: 1}, {3: 1}]
    found = [bill for _, bill in bills_of(lines, (Charge("shipping", 100),), parts, "EUR")]
    assert [bill.rounding_minor for bill in found] == [0, 0, 0]
    assert [bill.rows[-1].net_minor for bill in found] == [34, 33, 33]


def test_what_nothing_explains_is_an_adjustment() -> None:
    line = Line(1, "a", 1, 1_000)
    bill = bill_parcel([Part(line, 1)], [], 700, "EUR")
    assert [(row.kind, row.net_minor) for row in bill.rows] == [(GOODS, 1_000), (ADJUSTMENT, -300)]
