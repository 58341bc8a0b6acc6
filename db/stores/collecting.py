"""What is collected in a store: whether its units lie there, and whether anybody came."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows


async def is_store(tx: AsyncConnection, location: str, pool: str) -> bool:
    """Whether orders that are served from the pool can be collected at the location."""
    store = await row(
        tx,
        """
        SELECT 1 FROM locations WHERE location = :location AND pool = :pool AND active
            AND 'pickup' = ANY(capabilities)
        """,
        location=location,
        pool=pool,
    )
    return store is not None


async def short_at(
    tx: AsyncConnection, order_id: str, location: str, demand: Mapping[str, int]
) -> tuple[str, ...]:
    """Name the SKUs of which the store has too few for the order.

    What others hold that will be collected there, and is not routed yet, is theirs.
    """
    found = await rows(
        tx,
        """
        SELECT w.sku
        FROM unnest(CAST(:skus AS text[]), CAST(:counts AS bigint[])) AS w(sku, quantity)
            LEFT JOIN location_levels v ON v.sku = w.sku AND v.location = :location
        WHERE coalesce(v.on_hand - v.reserved, 0) - w.quantity < (
            SELECT coalesce(sum(r.quantity), 0) FROM reservations r JOIN orders o USING (order_id)
            WHERE r.state = 'held' AND r.sku = w.sku AND o.pickup_location = :location
                AND o.order_id <> :order_id)
        ORDER BY w.sku
        """,
        skus=list(demand),
        counts=list(demand.values()),
        location=location,
        order_id=order_id,
    )
    return tuple(short.sku for short in found)


async def was_not_collected(tx: AsyncConnection, order_id: str) -> bool:
    """Whether the order's parcel was put back because nobody came."""
    found = await row(
        tx,
        "SELECT 1 FROM order_events WHERE order_id = :order_id AND event = 'NotCollected'",
        order_id=order_id,
    )
    return found is not None
