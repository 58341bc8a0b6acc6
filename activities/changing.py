"""Making a confirmed change of an order: parcels lose units or are stopped, others are added."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.fulfillment import STOPPABLE, cancel_part
from activities.mail import post_mail, written_amount
from activities.rerouting import as_pieces, look_elsewhere
from db.queries.change_facts import placed, read_wishes
from db.stores import changes, fulfillments, orders, parts, stock
from db.stores.parts import Piece
from domain.changing import NO_STOCK, TOO_LATE, Cut, Proposal, Unchangeable, propose
from domain.order import Line
from domain.shortage import divide


@dataclass(frozen=True)
class ApplyChange:
    """`is_over`: every parcel has ended, and nothing can be added to the order any more."""

    order_id: str
    number: int
    pick_s: float
    is_over: bool = False


@dataclass(frozen=True)
class Changed:
    """How the change ended; `altered` are parcels whose units may be others, `stopping` end."""

    state: str
    code: str | None = None
    altered: tuple[int, ...] = ()
    stopping: tuple[int, ...] = ()


class ChangingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def apply_change(self, change: ApplyChange) -> Changed:
        """Make the change once, or refuse it; told again, it answers how the order stands now."""
        async with self._engine.begin() as tx:
            head = await orders.head(tx, change.order_id, lock=True)
            asked = await changes.get(tx, change.order_id, change.number)
            if asked.state == "confirmed":
                code = await _make(tx, head, asked, change)
                if code is not None:
                    await changes.refused(tx, change.order_id, change.number, code)
                    await _tell(tx, head, asked, "ChangeRefused", code=code)
            return await _standing(tx, change)


async def _standing(tx: AsyncConnection, change: ApplyChange) -> Changed:
    now = await changes.get(tx, change.order_id, change.number)
    found = [
        part for part in await fulfillments.of_order(tx, change.order_id) if part.state in STOPPABLE
    ]
    return Changed(
        now.state,
        now.code,
        tuple(part.number for part in found if not part.cancel_requested),
        tuple(part.number for part in found if part.cancel_requested),
    )


async def _make(tx: AsyncConnection, head: Any, asked: Any, change: ApplyChange) -> str | None:
    """Answer why it cannot be made, before anything is written; None when it is made."""
    if head.outcome is not None or change.is_over:
        return TOO_LATE
    order = await placed(tx, head.order_id, lock=True)
    try:
        wanted = propose(order, read_wishes(asked.wishes))
    except Unchangeable as refusal:
        return refusal.code
    pieces = await _find_units(tx, head, wanted.added, change.pick_s)
    if pieces is None:
        return NO_STOCK
    await _write(tx, head, wanted, pieces, order.step, change.pick_s)
    refund, charge = wanted.refund_minor, wanted.charge_minor
    await changes.applied(tx, head.order_id, asked.number, refund, charge)
    await _tell(tx, head, asked, "OrderChanged")
    if wanted.cuts or wanted.added or wanted.allowances:
        await _mail(tx, head, asked.number, refund, charge)
    return None


async def _write(
    tx: AsyncConnection,
    head: Any,
    wanted: Proposal,
    pieces: list[Piece],
    step: int,
    pick_s: float,
) -> None:
    skus = await parts.skus_of(tx, head.order_id)
    for cut in wanted.cuts:
        await _cut(tx, cut, skus, pick_s)
    if wanted.added:
        await _add(tx, head, wanted, pieces, step)
    for allowance in wanted.allowances:
        await changes.lower_price(tx, head.order_id, allowance, step)
    if wanted.priority is not None:
        await changes.set_priority(tx, head.order_id, wanted.priority)


async def _find_units(
    tx: AsyncConnection, head: Any, added: tuple[Line, ...], pick_s: float
) -> list[Piece] | None:
    """Where the added units lie, by order line; None when not all of them are free."""
    if not added:
        return []
    skus = {line.line_no: line.sku for line in added}
    units = {line.line_no: line.quantity for line in added}
    found = await look_elsewhere(tx, head, parts.per_sku(units, skus))
    if found.waiting:
        return None
    return as_pieces(found, units, skus, origin="", pick_s=pick_s, backorder_s=0.0)


async def _cut(tx: AsyncConnection, cut: Cut, skus: dict[int, str], pick_s: float) -> None:
    """Units that are not wanted become a fulfillment order of their own, which is cancelled."""
    part = await fulfillments.get(tx, cut.fulfillment_id)
    if cut.is_whole:
        await changes.stop(tx, cut.fulfillment_id)
        return
    wanted = await parts.units_of(tx, cut.fulfillment_id)
    left = {line: units - cut.units.get(line, 0) for line, units in wanted.items()}
    kept = {line: units for line, units in left.items() if units}
    waits = part.state == "backordered"
    per_sku = parts.per_sku(cut.units, skus)
    if not waits:
        await stock.lock_pool(tx, part.pool, list(per_sku))
        await parts.release_units(tx, part, per_sku)
    piece = Piece(part.location, cut.units, pick_s, is_backordered=waits)
    [unwanted] = await parts.divide_part(tx, part, kept, [piece])
    if not waits:
        await parts.allocate(tx, unwanted, per_sku, "to be cancelled")
    await cancel_part(tx, await fulfillments.get(tx, unwanted, lock=True))


async def _add(
    tx: AsyncConnection, head: Any, wanted: Proposal, pieces: list[Piece], step: int
) -> None:
    """Each piece's share of a card is authorized by itself before it is picked."""
    tender_no = await changes.add_lines(tx, head.order_id, wanted.added)
    units = [piece.units for piece in pieces]
    worth = divide(wanted.added, units, wanted.charge_minor, step)
    skus = {line.line_no: line.sku for line in wanted.added}
    for piece, share_minor in zip(pieces, worth, strict=True):
        part = await parts.add_part(tx, head.order_id, piece, share_minor, tender_no)
        await parts.allocate(tx, part, parts.per_sku(piece.units, skus), "added to the order")


async def _tell(
    tx: AsyncConnection, head: Any, asked: Any, event: Any, code: str | None = None
) -> None:
    data = {"number": asked.number} | ({"code": code} if code else {})
    await orders.tell(tx, head.order_id, event, actor=asked.asked_by, data=data)


async def _mail(
    tx: AsyncConnection, head: Any, number: int, refund_minor: int, charge_minor: int
) -> None:
    difference = charge_minor - refund_minor
    template = "order_changed_up" if difference > 0 else "order_changed"
    facts = {"amount": written_amount(abs(difference), head.currency)}
    await post_mail(tx, head, template, facts, part=f"c{number}")
