"""Who wants no optional mail of a channel: only what their goods and money are about."""

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


async def has(tx: AsyncConnection, channel: str, email: str) -> bool:
    found = await row(
        tx,
        "SELECT 1 FROM mail_opt_outs WHERE channel = :channel AND email = lower(:email)",
        channel=channel,
        email=email,
    )
    return found is not None


async def stop(tx: AsyncConnection, order_id: str) -> bool:
    """The order's customer wants no more; False when it was so already."""
    return bool(
        await run(
            tx,
            """
            INSERT INTO mail_opt_outs (channel, email)
            SELECT channel, lower(customer_email) FROM orders WHERE order_id = :order_id
            ON CONFLICT DO NOTHING
            """,
            order_id=order_id,
        )
    )


async def resume(tx: AsyncConnection, order_id: str) -> bool:
    """The order's customer wants them again; False when it was so already."""
    return bool(
        await run(
            tx,
            """
            DELETE FROM mail_opt_outs m USING orders o
            WHERE o.order_id = :order_id AND m.channel = o.channel
                AND m.email = lower(o.customer_email)
            """,
            order_id=order_id,
        )
    )
