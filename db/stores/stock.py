"""Stock: every change is one movement in the ledger and the two balances, in one transaction.

Locks are always taken in the same order: the pool's levels by SKU, then locations' by (SKU,
location). So two writers can wait for each other, never in a circle.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run


@dataclass(frozen=True)
class Cause:
    """Why stock moves; `key` makes each movement unique, so that it happens once."""

    key: str
    kind: str
    text: str
    order_id: str | None = None
    fulfillment_id: str | None = None


async def lock_pool(tx: AsyncConnection, pool: str, skus: list[str]) -> None:
    """Take the pool's levels first, in SKU order."""
    await rows(
        tx,
        """
        SELECT 1 FROM pool_levels WHERE pool = :pool AND sku = ANY(CAST(:skus AS text[]))
        ORDER BY sku FOR UPDATE
        """,
        pool=pool,
        skus=skus,
    )


async def end_reservation(tx: AsyncConnection, order_id: str, state: str) -> int:
    """Give back what the order still holds (`released` or `expired`); return units given back.

    Only what is overdue expires: the order may have reserved anew since somebody looked.
    """
    held = await rows(
        tx,
        """
        SELECT sku, pool, attempt, quantity FROM reservations
        WHERE order_id = :order_id AND state = 'held'
            AND (:state <> 'expired' OR expires_at < now())
        ORDER BY sku FOR UPDATE
        """,
        order_id=order_id,
        state=state,
    )
    if not held:
        return 0
    await lock_pool(tx, held[0].pool, [hold.sku for hold in held])
    for hold in held:
        cause = Cause(
            key=f"{order_id}:{state}:{hold.attempt}:{hold.sku}",
            kind="release" if state == "released" else "expire",
            text=f"reservation {state}",
            order_id=order_id,
        )
        await move_pool(tx, hold.pool, hold.sku, -hold.quantity, cause)
    await run(
        tx,
        """
        UPDATE reservations SET state = :state, ended_at = now()
        WHERE order_id = :order_id AND state = 'held'
        """,
        order_id=order_id,
        state=state,
    )
    return sum(hold.quantity for hold in held)


async def move_pool(
    tx: AsyncConnection, pool: str, sku: str, open_demand: int, cause: Cause
) -> None:
    """Change what orders hold against the pool."""
    await run(
        tx,
        """
        WITH level AS (
            UPDATE pool_levels SET open_demand = open_demand + :open_demand
            WHERE pool = :pool AND sku = :sku RETURNING *
        )
        INSERT INTO stock_movements (key, kind, sku, pool, open_demand_change, pool_on_hand,
            pool_reserved, pool_open_demand, order_id, cause)
        SELECT :key, :kind, sku, pool, :open_demand, on_hand, reserved, open_demand, :order_id,
            :text
        FROM level
        """,
        pool=pool,
        sku=sku,
        open_demand=open_demand,
        key=cause.key,
        kind=cause.kind,
        text=cause.text,
        order_id=cause.order_id,
    )


@dataclass(frozen=True)
class Change:
    """What one movement adds to a location's and its pool's balances."""

    location: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    open_demand: int = 0  # the pool's alone


async def move_location(tx: AsyncConnection, pool: str, change: Change, cause: Cause) -> None:
    """Apply a movement to the location and to its pool, both rows locked in that order before."""
    touched = await row(
        tx,
        """
        WITH level AS (
            UPDATE pool_levels SET on_hand = on_hand + :on_hand, reserved = reserved + :reserved,
                open_demand = open_demand + :open_demand
            WHERE pool = :pool AND sku = :sku RETURNING *
        ), here AS (
            UPDATE location_levels SET on_hand = on_hand + :on_hand, reserved = reserved + :reserved
            WHERE location = :location AND sku = :sku RETURNING *
        )
        INSERT INTO stock_movements (key, kind, sku, pool, location, on_hand_change,
            reserved_change, open_demand_change, pool_on_hand, pool_reserved, pool_open_demand,
            location_on_hand, location_reserved, order_id, fulfillment_id, cause)
        SELECT :key, :kind, :sku, :pool, :location, :on_hand, :reserved, :open_demand,
            level.on_hand, level.reserved, level.open_demand, here.on_hand, here.reserved,
            :order_id, :fulfillment_id, :text
        FROM level, here
        RETURNING movement_id
        """,
        pool=pool,
        location=change.location,
        sku=change.sku,
        on_hand=change.on_hand,
        reserved=change.reserved,
        open_demand=change.open_demand,
        key=cause.key,
        kind=cause.kind,
        text=cause.text,
        order_id=cause.order_id,
        fulfillment_id=cause.fulfillment_id,
    )
    assert touched is not None, f"{change.sku} has no level at {change.location}"


async def restock(tx: AsyncConnection, pool: str, change: Change, cause: Cause) -> None:
    """Add units at a location, making its level when it has none yet."""
    await run(
        tx,
        """
        WITH level AS (
            INSERT INTO pool_levels (pool, sku) VALUES (:pool, :sku) ON CONFLICT DO NOTHING
        )
        INSERT INTO location_levels (location, sku) VALUES (:location, :sku) ON CONFLICT DO NOTHING
        """,
        pool=pool,
        location=change.location,
        sku=change.sku,
    )
    await move_location(tx, pool, change, cause)
