"""What waits for stock: whose turn it is, and that it waits no more."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run


async def in_turn(tx: AsyncConnection, most: int) -> list[Any]:
    """Return what waits for a SKU of which something is free, in the order it is served."""
    found = await rows(
        tx,
        """
        SELECT f.fulfillment_id, f.order_id
        FROM fulfillments f JOIN orders o USING (order_id) JOIN locations l USING (location)
        WHERE f.state = 'backordered' AND NOT f.cancel_requested AND EXISTS (
            SELECT FROM fulfillment_lines u JOIN pool_levels p ON p.pool = l.pool AND p.sku = u.sku
            WHERE u.fulfillment_id = f.fulfillment_id
                AND p.on_hand > p.reserved + p.open_demand)
        ORDER BY o.priority DESC, f.backordered_at, f.fulfillment_id LIMIT :most
        """,
        most=most,
    )
    return list(found)


async def fill(
    tx: AsyncConnection, fulfillment_id: str, location: str, pick_s: float, sweep: str
) -> None:
    """Let it be picked where its units are."""
    await run(
        tx,
        """
        UPDATE fulfillments SET state = 'open', location = :location, filled_at = now(),
            found_by = :sweep, next_step = 'pick',
            next_deadline = now() + make_interval(secs => :pick_s)
        WHERE fulfillment_id = :fulfillment_id AND state = 'backordered'
        """,
        fulfillment_id=fulfillment_id,
        location=location,
        pick_s=pick_s,
        sweep=sweep,
    )


async def mark_found(tx: AsyncConnection, fulfillment_id: str, sweep: str) -> None:
    await run(
        tx,
        "UPDATE fulfillments SET found_by = :sweep WHERE fulfillment_id = :id",
        id=fulfillment_id,
        sweep=sweep,
    )


async def to_be_told(tx: AsyncConnection, sweep: str) -> list[Any]:
    """What this sweep found, and what an earlier one may not have lived to tell."""
    found = await rows(
        tx,
        """
        SELECT order_id, number FROM fulfillments
        WHERE found_by = :sweep OR (found_by IS NOT NULL AND state = 'open') ORDER BY 1, 2
        """,
        sweep=sweep,
    )
    return list(found)
