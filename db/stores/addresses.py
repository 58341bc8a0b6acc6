"""Corrected addresses: the newest is verified in place of the order's own, then becomes it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


async def to_verify(tx: AsyncConnection, order_id: str) -> Any:
    """The order's address, and the last correction that has not become it yet, if there is one."""
    found = await row(
        tx,
        """
        SELECT o.ship_to, o.address_verified, c.undeliverable, n.correction_id, n.address
        FROM orders o JOIN channels c USING (channel) LEFT JOIN LATERAL (
            SELECT correction_id, address FROM address_corrections
            WHERE order_id = o.order_id AND applied_at IS NULL ORDER BY correction_id DESC LIMIT 1
        ) n ON true
        WHERE o.order_id = :order_id
        """,
        order_id=order_id,
    )
    assert found is not None
    return found


async def applied(tx: AsyncConnection, order_id: str, through: int) -> None:
    """Corrections up to `through` are done with; a later one is still to be verified."""
    await run(
        tx,
        """
        UPDATE address_corrections SET applied_at = now()
        WHERE order_id = :order_id AND correction_id <= :through AND applied_at IS NULL
        """,
        order_id=order_id,
        through=through,
    )


async def is_on_a_label(tx: AsyncConnection, order_id: str) -> bool:
    """Whether the order's address was given to a carrier already."""
    found = await row(
        tx,
        """
        SELECT 1 FROM labels l JOIN fulfillments f USING (fulfillment_id)
        WHERE f.order_id = :order_id AND f.rma IS NULL LIMIT 1
        """,
        order_id=order_id,
    )
    return found is not None
