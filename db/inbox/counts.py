"""What was counted at a location: the books follow the shelf, by one movement."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.stores import stock
from db.stores.stock import Cause, Change


async def locked(tx: AsyncConnection, task_id: int) -> Any | None:
    """Return the task with what the books say of its SKU; its levels are locked before it.

    `least`: what is held here or against the pool, and must be there.
    """
    about = await row(
        tx,
        """
        SELECT sku, location, pool FROM count_tasks JOIN locations USING (location)
        WHERE count_task_id = :id
        """,
        id=task_id,
    )
    if about is None:
        return None
    await stock.lock_pool(tx, about.pool, [about.sku])
    return await row(
        tx,
        """
        SELECT t.*, l.pool, coalesce(v.on_hand, 0) AS on_hand, coalesce(greatest(v.reserved,
            p.reserved + p.open_demand - (p.on_hand - v.on_hand)), 0) AS least
        FROM count_tasks t JOIN locations l USING (location)
            LEFT JOIN location_levels v USING (location, sku)
            LEFT JOIN pool_levels p ON p.pool = l.pool AND p.sku = t.sku
        WHERE count_task_id = :id FOR UPDATE OF t
        """,
        id=task_id,
    )


async def counted(tx: AsyncConnection, task: Any, quantity: int, actor: str) -> None:
    """End the locked, open task and correct the books."""
    await row(
        tx,
        """
        UPDATE count_tasks SET state = 'counted', counted = :quantity, counted_by = :actor,
            counted_at = now()
        WHERE count_task_id = :id RETURNING 1
        """,
        id=task.count_task_id,
        quantity=quantity,
        actor=actor,
    )
    if quantity != task.on_hand:
        await stock.restock(
            tx,
            task.pool,
            Change(task.location, task.sku, on_hand=quantity - task.on_hand),
            Cause(key=f"count:{task.count_task_id}", kind="adjust", text="counted"),
        )
