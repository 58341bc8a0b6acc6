"""Has an order that is not routed collected in a store; its run reads where when it routes."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.stores import collecting, orders, parts, stock


async def collect_instead(tx: AsyncConnection, head: Any, location: str, actor: str) -> str | None:
    """Say in a word why it cannot be; None when it is done. The order's row is locked before."""
    if not await collecting.is_store(tx, location, head.pool):
        return "no_store"
    lines = await orders.lines(tx, head.order_id)
    demand = parts.per_sku(
        {line.line_no: line.quantity for line in lines}, {line.line_no: line.sku for line in lines}
    )
    await stock.lock_pool(tx, head.pool, list(demand))
    free = await collecting.free_in_stores(tx, [(location, sku) for sku in demand])
    if any(free[location, sku] < units for sku, units in demand.items()):
        return "no_stock"
    await orders.set_pickup(tx, head.order_id, location)
    await orders.tell(tx, head.order_id, "DeliveryChanged", actor=actor)
    return None
