"""Changes of an order after it was placed: which parcels lose units, what is added, what it costs.

The same rule prices a preview and, once it is confirmed, the change itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.apportion import portion
from domain.order import Charge, Line
from domain.shares import value_shares
from domain.shortage import divide

# Units are taken first from what has come least far; one parcel of a rank goes before an older one.
RANKS: Final[Mapping[str, int]] = {"backordered": 0, "open": 1, "picked": 2, "packed": 3}
# A packed parcel is not opened again: it is stopped whole, or it leaves.
WHOLE_ONLY: Final = "packed"
NOT_ROUTED: Final = ""
TOO_LATE: Final = "too_late"
NO_STOCK: Final = "no_stock"


class Unchangeable(ValueError):
    """The change cannot be made; `code` says why in a word."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wish:
    """One wished change; which fields count depends on its kind.

    set_quantity: of what is not cancelled; cancel_units: so many of a line; add_line: its units are
    charged at `unit_price_minor`, with `tax_minor` for all of them; lower_price: all units of the
    line together cost `amount_minor` less, tax included; set_priority.
    """

    kind: str
    line_no: int = 0
    quantity: int = 0
    sku: str = ""
    unit_price_minor: int = 0
    tax_minor: int = 0
    priority: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A fulfillment order: its state, its units by line, its share of the money.

    `payers`: how many tenders pay for it.
    """

    fulfillment_id: str
    number: int
    state: str
    units: Mapping[int, int]
    share_minor: int
    is_stopping: bool = False
    payers: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """The order as it stands; without parts it is not routed.

    `step`: the smallest amount that can be paid.
    """

    lines: Sequence[Line]
    charges: Sequence[Charge]
    cancelled: Mapping[int, int]
    parts: Sequence[Part]
    step: int
    has_card: bool
    is_collected: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Units that a fulfillment order loses; a whole one is stopped."""

    fulfillment_id: str
    units: Mapping[int, int]
    is_whole: bool
    worth_minor: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a line costs less: before tax, its tax, and of it what each fulfillment order bears."""

    line_no: int
    net_minor: int
    tax_minor: int
    by_part: Mapping[str, int]

    @property
    def amount_minor(self) -> int:
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class Proposal:
    cuts: tuple[Cut, ...]
    added: tuple[Line, ...]
    priority: int | None = None
    allowances: tuple[Allowance, ...] = ()

    @property
    def refund_minor(self) -> int:
        lowered = sum(each.amount_minor for each in self.allowances)
        return sum(cut.worth_minor for cut in self.cuts) + lowered

    @property
    def charge_minor(self) -> int:
        return sum(line.total_minor for line in self.added)


def propose(order: Placed, wishes: Sequence[Wish]) -> Proposal:
    """Say what the wishes do, all of them or none.

    Raises: Unchangeable.
    """
    lost, added = _units(order, wishes)
    lowered = _lowered(wishes)
    priority = next((wish.priority for wish in wishes[::-1] if wish.kind == "set_priority"), None)
    if added and order.is_collected:
        raise Unchangeable("collected", "nothing is added to what is collected in a store")
    if added and not order.has_card:
        raise Unchangeable("no_card", "only a card can be asked for more")
    if lowered and lost:
        raise Unchangeable("apart", "prices are lowered in one change, units cancelled in another")
    allowances = _allowances(order, lowered)
    return Proposal(_cuts(order, lost, is_added=bool(added)), tuple(added), priority, allowances)


def _units(order: Placed, wishes: Sequence[Wish]) -> tuple[dict[int, int], list[Line]]:
    """What lines lose, and the lines that are added."""
    lost: dict[int, int] = {}
    added: list[Line] = []
    for wish in wishes:
        if wish.kind == "add_line":
            added.append(_new_line(order, wish, len(added)))
        elif wish.kind in ("set_quantity", "cancel_units"):
            units = _units_lost(order, wish)
            if units > 0:
                lost[wish.line_no] = lost.get(wish.line_no, 0) + units
            elif units < 0:
                added.append(_more_of(order, wish.line_no, -units, len(added)))
    return lost, added


def _lowered(wishes: Sequence[Wish]) -> dict[int, int]:
    """How much less each line is to cost."""
    lowered: dict[int, int] = {}
    for wish in wishes:
        if wish.kind == "lower_price":
            lowered[wish.line_no] = lowered.get(wish.line_no, 0) + wish.amount_minor
    return lowered


def _line(order: Placed, line_no: int) -> Line:
    for line in order.lines:
        if line.line_no == line_no:
            return line
    raise Unchangeable("unknown_line", f"the order has no line {line_no}")


def _left(order: Placed, line: Line) -> int:
    return line.quantity - order.cancelled.get(line.line_no, 0)


def _units_lost(order: Placed, wish: Wish) -> int:
    """Units that the line loses; below zero, units that it gains."""
    left = _left(order, _line(order, wish.line_no))
    if wish.kind == "set_quantity":
        return left - wish.quantity
    if wish.quantity > left:
        raise Unchangeable("too_many", f"line {wish.line_no} has {left} units left")
    return wish.quantity


def _new_line(order: Placed, wish: Wish, before: int) -> Line:
    number = max(line.line_no for line in order.lines) + 1 + before
    return Line(number, wish.sku, wish.quantity, wish.unit_price_minor, wish.tax_minor)


def _more_of(order: Placed, line_no: int, units: int, before: int) -> Line:
    """More of the same at the same price and tax is a line of its own: no share of old ones moves.

    A discount was granted for what was ordered then.
    """
    line = _line(order, line_no)
    tax_minor = line.tax_minor * units // line.quantity
    wish = Wish("add_line", 0, units, line.sku, line.unit_price_minor, tax_minor)
    return _new_line(order, wish, before)


def _allowances(order: Placed, lowered: Mapping[int, int]) -> tuple[Allowance, ...]:
    """Every payer goes on paying at least the smallest amount. Raises: Unchangeable."""
    found = tuple(_allowance(order, _line(order, line), less) for line, less in lowered.items())
    for part in order.parts or [_as_one_part(order)]:
        less = sum(each.by_part.get(part.fulfillment_id, 0) for each in found)
        if less and part.share_minor - less < order.step * part.payers:
            raise Unchangeable("too_much", "less than the smallest amount would be left to pay")
    return found


def _allowance(order: Placed, line: Line, amount_minor: int) -> Allowance:
    """The parcels of the line bear it by their units; its tax falls with its price.

    Who was charged or given back a part of the line already was so at its old price.
    """
    if amount_minor >= line.total_minor:
        raise Unchangeable("too_much", f"line {line.line_no} costs {line.total_minor} in all")
    if amount_minor % order.step:
        raise Unchangeable("no_payable_amount", f"it is paid in steps of {order.step}")
    if order.cancelled.get(line.line_no, 0):
        raise Unchangeable("partly_cancelled", f"units of line {line.line_no} were cancelled")
    if line.tax_minor == 0 and any(charge.kind == "tax" for charge in order.charges):
        raise Unchangeable("taxed_beside", "the order's tax does not say what of it is the line's")
    parts = order.parts or [_as_one_part(order)]
    units = {
        part.fulfillment_id: part.units[line.line_no]
        for part in parts
        if part.state in RANKS and not part.is_stopping and part.units.get(line.line_no)
    }
    if sum(units.values()) != line.quantity:
        raise Unchangeable(TOO_LATE, f"units of line {line.line_no} are on their way")
    by_part, before = {}, 0
    for part, count in units.items():
        steps = portion(amount_minor // order.step, line.quantity, before, count)
        by_part[part] = order.step * steps
        before += count
    tax_minor = line.tax_minor * amount_minor // line.total_minor
    return Allowance(line.line_no, amount_minor - tax_minor, tax_minor, by_part)


def _cuts(order: Placed, lost: Mapping[int, int], *, is_added: bool) -> tuple[Cut, ...]:
    left = sum(_left(order, line) for line in order.lines)
    if lost and not is_added and sum(lost.values()) == left:
        raise Unchangeable("nothing_left", "no unit would be left: cancel the order instead")
    parts = order.parts or [_as_one_part(order)]
    taken = _taken_from(parts, lost)
    return tuple(_cut(order, part, taken[part.fulfillment_id]) for part in parts
                 if part.fulfillment_id in taken)  # fmt: skip


def _as_one_part(order: Placed) -> Part:
    """An order that is not routed is priced as if it shipped in one parcel."""
    units = {line.line_no: line.quantity for line in order.lines}
    [share] = value_shares(order.lines, order.charges, [units], order.step)
    return Part(NOT_ROUTED, 1, "open", units, share)


def _taken_from(parts: Sequence[Part], lost: Mapping[int, int]) -> dict[str, dict[int, int]]:
    """Choose the parcels that lose the units. Raises: Unchangeable when too many have left."""
    able = [part for part in parts if part.state in RANKS and not part.is_stopping]
    able.sort(key=lambda part: (RANKS[part.state], -part.number))
    taken: dict[str, dict[int, int]] = {}
    for line_no, count in lost.items():
        rest = count
        for part in able:
            units = min(rest, part.units.get(line_no, 0))
            if units:
                taken.setdefault(part.fulfillment_id, {})[line_no] = units
                rest -= units
        if rest:
            raise Unchangeable(TOO_LATE, f"{rest} units of line {line_no} are on their way")
    return taken


def _cut(order: Placed, part: Part, units: Mapping[int, int]) -> Cut:
    kept = {line: count - units.get(line, 0) for line, count in part.units.items()}
    if not any(kept.values()):
        return Cut(part.fulfillment_id, units, is_whole=True, worth_minor=part.share_minor)
    if part.state == WHOLE_ONLY:
        raise Unchangeable("packed", "the parcel is packed: all of it is cancelled, or none")
    worth = divide(order.lines, [kept, units], part.share_minor, order.step)
    return Cut(part.fulfillment_id, units, is_whole=False, worth_minor=worth[1])
