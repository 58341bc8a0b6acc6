"""Units that came in go to what waits for them: the most urgent order first, then the oldest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.rerouting import Found, as_pieces, look_elsewhere
from db.stores import backorders, fulfillments, orders, parts

# One sweep of what waits; the next goes on.
BATCH: Final = 200


@dataclass(frozen=True)
class Fill:
    """`sweep` names the run that asks: asked again, it hears the same."""

    sweep: str
    pick_s: float
    backorder_s: float


@dataclass(frozen=True)
class Filled:
    """A fulfillment order that has units now."""

    order_id: str
    number: int


class BackorderActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def fill_backorders(self, fill: Fill) -> tuple[Filled, ...]:
        """Give each that waits what is free, in turn; what is left of it waits on in its place."""
        async with self._engine.connect() as tx:
            waiting = await backorders.in_turn(tx, BATCH)
        for part in waiting:
            async with self._engine.begin() as tx:
                await _fill_one(tx, part, fill)
        async with self._engine.connect() as tx:
            return tuple(Filled(*part) for part in await backorders.to_be_told(tx, fill.sweep))


async def _fill_one(tx: AsyncConnection, waiting: Any, fill: Fill) -> None:
    head = await orders.head(tx, waiting.order_id, lock=True)
    part = await fulfillments.get(tx, waiting.fulfillment_id, lock=True)
    assert head is not None
    if part.state != "backordered" or part.cancel_requested or head.outcome is not None:
        return
    units = await parts.units_of(tx, part.fulfillment_id)
    skus = await parts.skus_of(tx, part.order_id)
    found = await look_elsewhere(tx, head, parts.per_sku(units, skus))
    if not found.sourced:
        return
    for fulfillment_id in await _divide(tx, part, units, skus, found, fill):
        now = await fulfillments.get(tx, fulfillment_id)
        await parts.allocate(
            tx, fulfillment_id, parts.per_sku(await parts.units_of(tx, fulfillment_id), skus)
        )
        await orders.tell(
            tx,
            part.order_id,
            "BackorderFilled",
            fulfillment_id=fulfillment_id,
            data={"by": now.location},
        )


async def _divide(
    tx: AsyncConnection,
    part: Any,
    units: Mapping[int, int],
    skus: Mapping[int, str],
    found: Found,
    fill: Fill,
) -> Sequence[str]:
    """Return the ids of what has units now; the part itself is one when nothing of it waits on."""
    pieces = as_pieces(
        found, units, skus,
        origin=part.location, pick_s=fill.pick_s, backorder_s=fill.backorder_s,
    )  # fmt: skip
    waits_on = pieces[-1].is_backordered
    kept = pieces.pop() if waits_on else pieces.pop(0)
    ids = await parts.divide_part(tx, part, kept.units, pieces)
    for fulfillment_id in ids:
        await backorders.mark_found(tx, fulfillment_id, fill.sweep)
    if waits_on:
        return ids
    await backorders.fill(tx, part.fulfillment_id, kept.location, kept.within_s, fill.sweep)
    return [part.fulfillment_id, *ids]
