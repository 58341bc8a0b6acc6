"""What is collected in a store: whether its units lie there, and whether anybody came."""

from collections.abc import Sequence

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


async def free_in_stores(
    tx: AsyncConnection, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return the units that lie there for anybody, by store and SKU.

    What others hold that will be collected there, and is not routed yet, is theirs.
    """
    found = await rows(
        tx,
        """
        SELECT w.store, w.sku, coalesce(v.on_hand - v.reserved, 0) - (
            SELECT coalesce(sum(r.quantity), 0)::bigint
            FROM reservations r JOIN orders o USING (order_id)
            WHERE r.state = 'held' AND r.sku = w.sku AND o.pickup_location = w.store
        ) AS free
        FROM (SELECT DISTINCT * FROM unnest(CAST(:stores AS text[]), CAST(:skus AS text[])))
                AS w(store, sku)
            LEFT JOIN location_levels v ON v.sku = w.sku AND v.location = w.store
        """,
        stores=[store for store, _ in wanted],
        skus=[sku for _, sku in wanted],
    )
    return {(level.store, level.sku): level.free for level in found}


async def was_not_collected(tx: AsyncConnection, order_id: str) -> bool:
    """Whether the order's parcel was put back because nobody came."""
    found = await row(
        tx,
        "SELECT 1 FROM order_events WHERE order_id = :order_id AND event = 'NotCollected'",
        order_id=order_id,
    )
    return found is not None
