"""Reservation: holding the units of an order against its pool, and giving them back."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.fulfillment import cancel_part
from activities.reserving import Reservations, Reserve, Reserved
from db.engine import rows
from db.stores import fulfillments, orders, parts, stock

# One sweep of expired reservations; the next goes on where it stopped.
EXPIRE_BATCH = 200
# Parts without a label: from "packed" on, a parcel's own story takes it back.
NOT_PACKED = frozenset({"backordered", "open", "picked"})


class StockActivities:
    def __init__(
        self, engine: AsyncEngine, observe_batch: Callable[[int], None] | None = None
    ) -> None:
        """`observe_batch` is told how many reservations share each transaction."""
        self._engine = engine
        self._reservations = Reservations(engine, observe_batch)

    @activity.defn
    async def reserve(self, order: Reserve) -> Reserved:
        """Hold every unit or none; of what may wait for stock, what is free.

        A reservation that expired is made once more.
        """
        return await self._reservations.make(order)

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
