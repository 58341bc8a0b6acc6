"""A location ships less than it was asked to: the rest goes elsewhere, waits or is cancelled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.calendars import work_at
from activities.fulfillment import cancel_part
from activities.mail import post_mail
from activities.rerouting import Found, as_pieces, look_elsewhere
from activities.routing import Planned, as_planned
from db.engine import row
from db.stores import fulfillments, orders, parts, stock
from db.stores.parts import Piece
from domain.shortage import REASONS, missing, written_off

NOT_PACKED = frozenset({"open", "picked"})


@dataclass(frozen=True)
class Shortage:
    """`picked` names units per line; of a rejected fulfillment order there are none."""

    fulfillment_id: str
    reason: str
    actor: str
    pick_s: float
    pack_s: float
    backorder_s: float
    picked: tuple[tuple[int, int], ...] = ()


class ShortageActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def report_shortage(self, short: Shortage) -> Planned:
        """Divide the fulfillment order once; return what is left of it, as it stands.

        One that is being cancelled, or that somebody reported on before, stays as it is.
        Raises: ApplicationError "WrongQuantities": units were cancelled before they were reported.
        """
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, short.fulfillment_id)
            wanted = await parts.units_of(tx, short.fulfillment_id)
            picked = dict(short.picked)
            can_be = {"open"} if picked else NOT_PACKED
            if part.state in can_be and not part.cancel_requested and picked != wanted:
                await _divide(tx, part, short, _lacking(wanted, picked))
            return await part_as_planned(tx, part)

    @activity.defn
    async def part_now(self, fulfillment_id: str) -> Planned:
        """Say how one fulfillment order stands."""
        async with self._engine.begin() as tx:
            return await part_as_planned(tx, await fulfillments.get(tx, fulfillment_id))

    @activity.defn
    async def parts_now(self, order_id: str) -> tuple[Planned, ...]:
        """Say how every fulfillment order of an order stands."""
        async with self._engine.begin() as tx:
            return (await as_planned(tx, order_id)).plan


def _lacking(wanted: Mapping[int, int], picked: Mapping[int, int]) -> dict[int, int]:
    try:
        return missing(wanted, picked)
    except ValueError as more:
        raise ApplicationError(str(more), type="WrongQuantities", non_retryable=True) from more


async def part_as_planned(tx: AsyncConnection, part: Any) -> Planned:
    plan = (await as_planned(tx, part.order_id)).plan
    return next(each for each in plan if each.number == part.number)


async def _divide(
    tx: AsyncConnection, part: Any, short: Shortage, lacking: Mapping[int, int]
) -> None:
    head = await orders.head(tx, part.order_id)
    assert head is not None
    skus = await parts.skus_of(tx, part.order_id)
    lacking_skus = parts.per_sku(lacking, skus)
    await _give_up_units(tx, part, short.reason, lacking_skus)
    found = Found((), lacking_skus)
    if not part.is_pickup:
        found = await look_elsewhere(tx, head, lacking_skus, not_from=part.location)
    pieces = as_pieces(
        found, lacking, skus,
        origin=part.location, pick_s=short.pick_s, backorder_s=short.backorder_s,
    )  # fmt: skip
    kept = {line: units for line, units in short.picked if units}
    await _tell_shortage(tx, part, short, is_rejected=not kept)
    ids = await parts.divide_part(tx, part, kept, pieces)
    await _move_on(tx, part, short, is_rejected=not kept)
    for fulfillment_id, piece in zip(ids, pieces, strict=True):
        await _place(tx, head, fulfillment_id, piece, parts.per_sku(piece.units, skus))


async def _give_up_units(
    tx: AsyncConnection, part: Any, code: str, lacking: Mapping[str, int]
) -> None:
    """Let go of the units, and write off what the reason says is not there."""
    reason = REASONS[code]
    await stock.lock_pool(tx, part.pool, list(lacking))
    await parts.release_units(tx, part, lacking)
    free = await parts.free_units(tx, part.pool, part.location, list(lacking))
    for sku, units in lacking.items():
        gone = written_off(reason.effect, units, *free[sku])
        if gone:
            await parts.write_off(tx, part, sku, gone, code)
        if reason.must_count:
            await parts.ask_for_a_count(tx, part.location, sku, code, part.fulfillment_id)


async def _tell_shortage(
    tx: AsyncConnection, part: Any, short: Shortage, *, is_rejected: bool
) -> None:
    await orders.tell(
        tx,
        part.order_id,
        "FulfillmentRejected" if is_rejected else "ShortPicked",
        actor=short.actor,
        fulfillment_id=part.fulfillment_id,
        data={"code": short.reason, "by": part.location},
    )


async def _move_on(tx: AsyncConnection, part: Any, short: Shortage, *, is_rejected: bool) -> None:
    if is_rejected:
        await fulfillments.advance(tx, part.fulfillment_id, "cancelled", None, 0)
        return
    pack_s = work_at(part).within_s(short.pack_s)
    await fulfillments.advance(tx, part.fulfillment_id, "picked", "pack", pack_s)
    await orders.tell(
        tx, part.order_id, "Picked", actor=short.actor, fulfillment_id=part.fulfillment_id
    )


async def _place(
    tx: AsyncConnection, head: Any, fulfillment_id: str, piece: Piece, units: Mapping[str, int]
) -> None:
    """Hold the piece's units where they were found; what nobody has waits, or is cancelled."""
    if not piece.is_backordered:
        await parts.allocate(tx, fulfillment_id, units)
        await orders.tell(tx, head.order_id, "Rerouted", fulfillment_id=fulfillment_id)
    elif head.on_shortage == "cancel" or head.pickup_location:
        await cancel_part(tx, await fulfillments.get(tx, fulfillment_id, lock=True))
    else:
        await await_stock(tx, head, fulfillment_id)


async def await_stock(tx: AsyncConnection, head: Any, fulfillment_id: str) -> None:
    """Promise the customer that the units come at the latest when the backorder ends."""
    part = await fulfillments.get(tx, fulfillment_id)
    by = part.next_deadline
    await orders.tell(
        tx,
        head.order_id,
        "Backordered",
        fulfillment_id=fulfillment_id,
        data={"by": by.date().isoformat()},
    )
    await _promise_later(tx, head.order_id, fulfillment_id)
    facts = {"by": by.date().isoformat()}
    await post_mail(tx, head, "backordered", facts, part=f"f{part.number}")


async def _promise_later(tx: AsyncConnection, order_id: str, fulfillment_id: str) -> None:
    moved = await row(
        tx,
        """
        UPDATE orders o SET promise_by = f.next_deadline, next_deadline = f.next_deadline
        FROM fulfillments f WHERE f.fulfillment_id = :fulfillment_id AND o.order_id = :order_id
            AND (o.promise_by IS NULL OR o.promise_by < f.next_deadline)
        RETURNING o.promise_by
        """,
        order_id=order_id,
        fulfillment_id=fulfillment_id,
    )
    if moved is not None:
        data = {"by": moved.promise_by.date().isoformat(), "code": "backordered"}
        await orders.tell(tx, order_id, "PromiseChanged", fulfillment_id=fulfillment_id, data=data)
