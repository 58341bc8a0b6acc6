"""What an invoice or credit note bills: rows, taxes by rate, and a sum that is met exactly."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.apportion import portion
from domain.money import settled_step, split
from domain.order import Charge, Line

# Rates are whole parts per million: 21 % is 210,000.
ONE: Final = 1_000_000
# From whole percents down to ten-thousandths of one.
_STEPS: Final = (10_000, 1_000, 100, 10, 1)
GOODS: Final = "goods"
PARTIAL: Final = "partial"
ADJUSTMENT: Final = "adjustment"
TAX: Final = "tax"


@dataclass(frozen=True)
class Row:
    """`kind` is `goods` for a line of the order, otherwise what the row charges or allows."""

    kind: str
    net_minor: int
    rate_ppm: int = 0
    line_no: int | None = None
    units: int = 1
    price_minor: int = 0
    discount_minor: int = 0


@dataclass(frozen=True)
class Tax:
    """All rows of one rate together: the rate's tax on their sum, rounded once."""

    rate_ppm: int
    base_minor: int
    tax_minor: int


@dataclass(frozen=True)
class Bill:
    """Rows and taxes and the rounding sum to the total."""

    rows: tuple[Row, ...]
    taxes: tuple[Tax, ...]
    rounding_minor: int
    total_minor: int


@dataclass(frozen=True)
class Part:
    """So many units of a line, perhaps none, when `before` of it were billed already."""

    line: Line
    units: int
    before: int = 0


@dataclass(frozen=True)
class Sent:
    """Units sent in exchange; `total_minor` is with tax, as the customer agreed to it."""

    line_no: int
    units: int
    total_minor: int


@dataclass(frozen=True)
class Rates:
    """What each line and each charge of an order is taxed with, by position."""

    lines: Mapping[int, int]
    charges: tuple[int, ...]


def tax_on(base_minor: int, rate_ppm: int) -> int:
    """Return the tax, rounded half away from zero."""
    sign = -1 if base_minor < 0 else 1
    return sign * ((2 * abs(base_minor) * rate_ppm + ONE) // (2 * ONE))


def rate_of(net_minor: int, tax_minor: int) -> int:
    """Return the simplest rate that gives just this tax; 0 when no rate could.

    When the amounts are too large for the finest step, the nearest rate is the answer.
    """
    if net_minor <= 0 or tax_minor <= 0:
        return 0
    nearest = (2 * tax_minor * ONE + net_minor) // (2 * net_minor)
    for step in _STEPS:
        rounded = (nearest + step // 2) // step * step
        if tax_on(net_minor, rounded) == tax_minor:
            return rounded
    return nearest


def rates_of(lines: Sequence[Line], charges: Sequence[Charge]) -> Rates:
    """Derive the rates of an order from the tax of its lines and its charges of kind `tax`."""
    taxes = [
        tax + more
        for tax, more in zip(_own_taxes(lines, charges), tax_beside(lines, charges), strict=True)
    ]
    found = _rates(_nets(lines, charges), taxes)
    by_line = {line.line_no: rate for line, rate in zip(lines, found, strict=False)}
    return Rates(by_line, tuple(found[len(lines) :]))


def tax_beside(lines: Sequence[Line], charges: Sequence[Charge]) -> tuple[int, ...]:
    """Say what of the charges of kind `tax` is on each line and then on each charge, by position.

    It is on what has no tax of its own, for instance freight; when there is no such thing it is on
    everything.
    """
    nets = [max(net, 0) for net in _nets(lines, charges)]
    own = _own_taxes(lines, charges)
    open_nets = [0 if tax else net for net, tax in zip(nets, own, strict=True)]
    weights = open_nets if any(open_nets) else nets
    beside = sum(charge.amount_minor for charge in charges if charge.kind == TAX)
    return split(beside, weights) if any(weights) else (0,) * len(weights)


def _rates(nets: Sequence[int], taxes: Sequence[int]) -> list[int]:
    """The largest amount tells its rate best; smaller ones that it explains, too, share it."""
    found = [0] * len(nets)
    known: list[int] = []
    for index in sorted(range(len(nets)), key=lambda i: (-nets[i], i)):
        net, tax = nets[index], taxes[index]
        if net > 0 and tax > 0:
            alike = (rate for rate in known if abs(tax_on(net, rate) - tax) <= 1)
            found[index] = next(alike, 0) or rate_of(net, tax)
            known.append(found[index])
    return found


def _nets(lines: Sequence[Line], charges: Sequence[Charge]) -> list[int]:
    return [_net(line) for line in lines] + [_taxable(charge) for charge in charges]


def _own_taxes(lines: Sequence[Line], charges: Sequence[Charge]) -> list[int]:
    return [line.tax_minor for line in lines] + [0] * len(charges)


def _net(line: Line) -> int:
    return line.quantity * line.unit_price_minor - line.discount_minor


def _taxable(charge: Charge) -> int:
    """A discount of the whole order is given on what was taxed already, and is not taxed itself."""
    return 0 if charge.kind == TAX else max(charge.amount_minor, 0)


def bill_parcel(
    parts: Sequence[Part], charges: Sequence[Charge], share_minor: int, currency: str
) -> Bill:
    """Bill what is in one parcel: its lines, its portion of the charges, in all its share.

    `parts` has all lines of the order, and `charges` all its charges. What the share has that
    nothing explains, because the order was changed after it was placed, becomes an adjustment.
    """
    rates = rates_of([part.line for part in parts], charges)
    rows = [_goods(part, rates.lines[part.line.line_no]) for part in parts if part.units]
    weight = _weight(parts)
    for charge, rate in zip(charges, rates.charges, strict=True):
        amount = portion(charge.amount_minor, *weight)
        if amount and charge.kind != TAX:
            rows.append(Row(charge.kind, amount, rate))
    slack = _slack(parts, charges, currency)
    return _summed(_absorbed(rows, share_minor, slack), share_minor, slack)


def bill_exchange(sent: Sequence[Sent], rate_ppm: int, currency: str) -> Bill:
    """Bill what was sent in exchange; what its units cannot share evenly is rounding."""
    rows = []
    for each in sent:
        net_minor = _without_tax(each.total_minor, rate_ppm)
        price_minor = (2 * net_minor + each.units) // (2 * each.units)
        rows.append(
            Row(GOODS, each.units * price_minor, rate_ppm, each.line_no, each.units, price_minor)
        )
    units = sum(each.units for each in sent)
    slack = 2 * (len(rows) + units + settled_step(currency))
    return _summed(rows, sum(each.total_minor for each in sent), slack)


def rate_of_lines(
    lines: Sequence[Line], charges: Sequence[Charge], line_nos: Collection[int]
) -> int:
    """The rate of the most expensive of these lines; of all of the order's, when it has none."""
    rates = rates_of(lines, charges)
    named = [line for line in lines if line.line_no in line_nos] or lines
    return rates.lines[max(named, key=_net).line_no]


def _slack(parts: Sequence[Part], charges: Sequence[Charge], currency: str) -> int:
    """How far a share may be from its rows although nothing was changed.

    Shares were divided for all parcels at once, rows for each after the other: a line may differ by
    one minor unit, and so decides otherwise about its weight in charges.
    """
    value = sum(part.line.total_minor for part in parts)
    charged = sum(abs(charge.amount_minor) for charge in charges)
    swayed = len(parts) * charged // value if value else 0
    return 2 * (len(parts) + len(charges) + settled_step(currency) + swayed)


def _absorbed(rows: list[Row], total_minor: int, slack: int) -> list[Row]:
    """Without tax a rest comes from dividing the charges alone: the largest one takes it."""
    charges = [row for row in rows if row.kind != GOODS]
    rest = total_minor - sum(row.net_minor for row in rows)
    if not charges or any(row.rate_ppm for row in rows) or abs(rest) > slack:
        return rows
    largest = max(charges, key=lambda row: abs(row.net_minor))
    taken = replace(largest, net_minor=largest.net_minor + rest)
    return [taken if row is largest else row for row in rows]


def _goods(part: Part, rate_ppm: int) -> Row:
    line = part.line
    discount = portion(line.discount_minor, line.quantity, part.before, part.units)
    return Row(
        GOODS,
        part.units * line.unit_price_minor - discount,
        rate_ppm,
        line.line_no,
        part.units,
        line.unit_price_minor,
        discount,
    )


def _weight(parts: Sequence[Part]) -> tuple[int, int, int]:
    """Say what of the order's goods is here: whole, before and this, by value or else by units."""
    whole = sum(part.line.total_minor for part in parts)
    if whole == 0:
        return (
            sum(part.line.quantity for part in parts),
            sum(part.before for part in parts),
            sum(part.units for part in parts),
        )
    before = sum(portion(p.line.total_minor, p.line.quantity, 0, p.before) for p in parts)
    value = sum(portion(p.line.total_minor, p.line.quantity, p.before, p.units) for p in parts)
    return whole, before, value


def credit(
    invoice: Bill,
    earlier: Sequence[Bill],
    amount_minor: int,
    units: Mapping[int, int],
    currency: str,
    *,
    is_part: bool = False,
) -> Bill:
    """Credit an amount of an invoice: all of it as it was billed, named units, or a portion.

    `earlier` are the credit notes before. Units beyond the amount are a fee (a negative
    adjustment), an amount beyond the units is freight or goodwill. `is_part`: other notes
    credit the same units, so that none names them, and each is a portion at their rates.
    Raises: ValueError for an amount of nothing, or beyond what is left of the invoice.
    """
    left = invoice.total_minor - sum(note.total_minor for note in earlier)
    if not 0 < amount_minor <= left:
        raise ValueError(f"{amount_minor} cannot be credited: {left} is left of the invoice")
    if amount_minor == invoice.total_minor and not units:
        return invoice
    if units and not is_part:
        rows = _returned(invoice, earlier, units)
    else:
        rows = _portions(_taxes(_returned(invoice, (), units)) or invoice.taxes, amount_minor)
    return _summed(rows, amount_minor, 2 * (len(rows) + settled_step(currency)))


def _returned(invoice: Bill, earlier: Sequence[Bill], units: Mapping[int, int]) -> list[Row]:
    before: defaultdict[int | None, int] = defaultdict(int)
    for row in (row for note in earlier for row in note.rows):
        before[row.line_no] += row.units
    rows = []
    for row in invoice.rows:
        count = units.get(row.line_no, 0) if row.line_no is not None else 0
        if count:
            line = Line(row.line_no or 0, "", row.units, row.price_minor, 0, row.discount_minor)
            rows.append(_goods(Part(line, count, before[row.line_no]), row.rate_ppm))
    return rows


def _portions(taxes: Sequence[Tax], amount_minor: int) -> list[Row]:
    """One row a rate, by what was billed at it."""
    gross = [max(tax.base_minor + tax.tax_minor, 0) for tax in taxes]
    parts = split(amount_minor, gross)
    return [
        Row(PARTIAL, _without_tax(part, tax.rate_ppm), tax.rate_ppm)
        for tax, part in zip(taxes, parts, strict=True)
        if part
    ]


def _without_tax(gross_minor: int, rate_ppm: int) -> int:
    return (2 * gross_minor * ONE + ONE + rate_ppm) // (2 * (ONE + rate_ppm))


def _summed(rows: Sequence[Row], total_minor: int, slack: int) -> Bill:
    """Add the taxes; a rest too large to come from rounding is a row of its own."""
    taxes = _taxes(rows)
    rest = total_minor - _sum(taxes)
    if abs(rest) > slack:
        rows = [*rows, Row(ADJUSTMENT, rest)]
        taxes = _taxes(rows)
        rest = 0
    return Bill(tuple(rows), taxes, rest, total_minor)


def _taxes(rows: Iterable[Row]) -> tuple[Tax, ...]:
    bases: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        bases[row.rate_ppm] += row.net_minor
    return tuple(Tax(rate, base, tax_on(base, rate)) for rate, base in sorted(bases.items()))


def _sum(taxes: Iterable[Tax]) -> int:
    return sum(tax.base_minor + tax.tax_minor for tax in taxes)
