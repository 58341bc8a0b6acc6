"""Reservation: holding the units of an order against its pool, and giving them back."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.fulfillment import cancel_part
from activities.waiting import waits_for_stock
from db.engine import row, rows
from db.stores import collecting, fulfillments, orders, parts, stock
from domain.order import Line

# One sweep of expired reservations; the next goes on where it stopped.
EXPIRE_BATCH = 200
# Parts without a label: from "packed" on, a parcel's own story takes it back.
NOT_PACKED = frozenset({"backordered", "open", "picked"})


@dataclass(frozen=True)
class Reserve:
    order_id: str
    expires_s: float
    within_s: float  # until payment should be known


@dataclass(frozen=True)
class Reserved:
    """`short` names the SKUs that are not there; empty means all units are held."""

    short: tuple[str, ...] = ()


class StockActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def reserve(self, order: Reserve) -> Reserved:
        """Hold every unit or none; of what may wait for stock, what is free.

        A reservation that expired is made once more.
        """
        async with self._engine.connect() as tx:
            head = await orders.head(tx, order.order_id, lock=True)
            assert head is not None
            if head.outcome:
                # An attempt given up for lost that wakes after the end holds nothing any more.
                return Reserved()
            last = await row(
                tx,
                """
                SELECT attempt, state FROM reservations
                WHERE order_id = :order_id ORDER BY attempt DESC LIMIT 1
                """,
                order_id=order.order_id,
            )
            if last is not None and last.state in ("held", "allocated"):
                return Reserved()
            hold = stock.Hold(
                order_id=order.order_id,
                attempt=1 if last is None else last.attempt + 1,
                pool=head.pool,
                buffer=head.buffer,
                expires_s=order.expires_s,
            )
            await orders.next_step(tx, order.order_id, "authorize payment", order.within_s)
            await orders.tell(tx, order.order_id, "StockReserved")
            demand = _demand(await orders.lines(tx, order.order_id))
            if store := head.pickup_location:
                short = await collecting.short_at(tx, order.order_id, store, demand)
                if short:
                    return Reserved(short)
            # The hot rows come last, so that their locks are held for one statement only.
            may_wait = waits_for_stock(head)
            short = await stock.reserve(tx, hold, demand, takes_less=may_wait)
            if short and not may_wait:
                return Reserved(short)
            await tx.commit()
            return Reserved()

    @activity.defn
    async def release_stock(self, order_id: str) -> None:
        """Give back what is held, and what was routed but not begun; nothing is no error."""
        async with self._engine.begin() as tx:
            await orders.head(tx, order_id, lock=True)
            if await stock.end_reservation(tx, order_id, "released"):
                await orders.tell(tx, order_id, "StockReleased")
        # Nothing is held any more, so that no part can be added; each has its own transaction,
        # because each locks the pool's levels by itself.
        async with self._engine.connect() as tx:
            found = await fulfillments.of_order(tx, order_id)
        for part in found:
            async with self._engine.begin() as tx:
                locked = await parts.locked(tx, part.fulfillment_id)
                if locked.state in NOT_PACKED:
                    await cancel_part(tx, locked)

    @activity.defn
    async def expire_reservations(self) -> int:
        """Give back holds whose time is over; their orders reserve anew or are refused."""
        async with self._engine.connect() as tx:
            overdue = await rows(
                tx,
                """
                SELECT DISTINCT order_id FROM reservations
                WHERE state = 'held' AND expires_at < now() LIMIT :most
                """,
                most=EXPIRE_BATCH,
            )
        for hold in overdue:
            async with self._engine.begin() as tx:
                await orders.head(tx, hold.order_id, lock=True)
                if await stock.end_reservation(tx, hold.order_id, "expired"):
                    await orders.tell(tx, hold.order_id, "ReservationExpired")
        return len(overdue)


def _demand(lines: tuple[Line, ...]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for line in lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return dict(sorted(wanted.items()))
