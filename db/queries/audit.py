"""What the audit reads of the database: every invariant's violations, and what others must know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import rows
from db.queries import audit_money, audit_orders, audit_stock

RULES: Final[dict[str, str]] = audit_stock.RULES | audit_money.RULES | audit_orders.RULES


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open one moment of the database to all statements that follow; it refuses to write."""
    async with engine.connect() as plain:
        yield await plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )


async def violations(tx: AsyncConnection, rule: str) -> list[Any]:
    return list(await rows(tx, RULES[rule]))


async def unequal_closings(tx: AsyncConnection) -> list[Any]:
    """Return closed orders that keep other money than what shipped."""
    return list(await rows(tx, audit_money.KEPT_IS_SHIPPED))


async def open_orders(tx: AsyncConnection) -> list[Any]:
    """Return every open order with the inbox row it came from."""
    return list(
        await rows(
            tx,
            """
            SELECT o.order_id, o.channel, i.inbox_id FROM orders o LEFT JOIN inbox i
                ON i.source = o.channel AND i.kind = 'order' AND i.external_id = o.external_id
            WHERE o.outcome IS NULL ORDER BY o.admitted_at, o.order_id
            """,
        )
    )


async def is_unfinished(tx: AsyncConnection, order_id: str, inbox_id: int) -> bool:
    """Say whether the order is open, or its document still waits to become one."""
    found = await rows(
        tx,
        """
        SELECT 1 FROM orders WHERE order_id = :order_id AND outcome IS NULL
        UNION ALL
        SELECT 1 FROM inbox WHERE inbox_id = :inbox_id AND state = 'new'
        """,
        order_id=order_id,
        inbox_id=inbox_id,
    )
    return bool(found)


async def waiting_documents(tx: AsyncConnection) -> list[Any]:
    """Return the order documents that nobody has admitted or refused yet."""
    return list(
        await rows(
            tx,
            """
            SELECT source || '-' || external_id AS order_id, source AS channel, inbox_id
            FROM inbox WHERE kind = 'order' AND state = 'new' ORDER BY inbox_id
            """,
        )
    )


async def open_parcels(tx: AsyncConnection) -> list[Any]:
    """Return what is not ended; `is_under_way`: only its own run can have brought it there."""
    return list(
        await rows(
            tx,
            """
            SELECT fulfillment_id, order_id, number, state, state <> 'open' AS is_under_way
            FROM fulfillments WHERE ended_at IS NULL
            """,
        )
    )


async def open_exceptions(tx: AsyncConnection) -> list[Any]:
    return list(
        await rows(
            tx,
            "SELECT exception_id, workflow_id, order_id FROM exceptions WHERE state = 'open'",
        )
    )


async def money_at_vendors(tx: AsyncConnection, days: int) -> list[Any]:
    """Return every authorization at a payment vendor, with what we may just be asking of it.

    `is_recent`: the order is open, or was closed within so many days.
    """
    return list(
        await rows(
            tx,
            """
            SELECT a.authorization_key, a.order_id, a.vendor_ref, a.amount_minor, a.currency,
                a.state, a.captured_minor, a.refunded_minor, o.outcome IS NULL AS is_open,
                coalesce(o.closed_at > now() - make_interval(days => :days), true) AS is_recent,
                coalesce(b.capturing, 0)::bigint AS capturing_minor,
                coalesce(b.refunding, 0)::bigint AS refunding_minor,
                coalesce(b.voiding, false) AS voiding
            FROM authorizations a JOIN orders o USING (order_id) LEFT JOIN (
                SELECT authorization_key,
                    sum(amount_minor) FILTER (WHERE verb = 'capture') AS capturing,
                    sum(amount_minor) FILTER (WHERE verb = 'refund') AS refunding,
                    bool_or(verb = 'void') AS voiding
                FROM payment_intents WHERE state = 'begun' AND authorization_key IS NOT NULL
                GROUP BY 1) b USING (authorization_key)
            WHERE a.vendor NOT IN ('store_credit', 'manual')
            """,
            days=days,
        )
    )


async def begun_keys(tx: AsyncConnection) -> set[str]:
    """Return the keys under which a vendor may know a payment that we do not know yet."""
    found = await rows(
        tx,
        """
        SELECT key FROM payment_intents
        WHERE state = 'begun' AND verb IN ('authorize', 'charge', 'slip')
        """,
    )
    return {intent.key for intent in found}


async def labels_at_vendors(tx: AsyncConnection, days: int) -> list[Any]:
    return list(
        await rows(
            tx,
            """
            SELECT l.label_key, l.fulfillment_id, l.vendor_shipment_id, l.state, l.tracking_number,
                f.handed_over_at IS NOT NULL AS is_handed_over, f.ended_at IS NULL AS is_open,
                coalesce(f.ended_at > now() - make_interval(days => :days), true) AS is_recent
            FROM labels l JOIN fulfillments f USING (fulfillment_id)
            WHERE l.vendor_shipment_id IS NOT NULL
            """,
            days=days,
        )
    )


async def channel_pushes(tx: AsyncConnection) -> list[Any]:
    """Return what channels were told, or are about to be told, of our parcels."""
    return list(
        await rows(
            tx,
            """
            SELECT key, payload ->> 'channel' AS channel, payload ->> 'external_id' AS external_id,
                payload ->> 'tracking_number' AS tracking_number,
                delivered_at IS NOT NULL AS is_delivered
            FROM outbox WHERE kind = 'channel_fulfillment'
            """,
        )
    )
