"""What the audit reads of the database: every invariant's violations, and what others must know."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import rows
from db.queries import (
    audit_documents,
    audit_holds,
    audit_money,
    audit_orders,
    audit_returns,
    audit_stock,
)

RULES: Final[dict[str, str]] = (
    audit_stock.RULES
    | audit_money.RULES
    | audit_orders.RULES
    | audit_holds.RULES
    | audit_documents.RULES
    | audit_returns.RULES
)


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
            SELECT o.order_id, o.channel, o.next_step, i.inbox_id FROM orders o LEFT JOIN inbox i
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


async def open_returns(tx: AsyncConnection) -> list[Any]:
    """Return what is not ended, with the channel its order came from."""
    return list(
        await rows(
            tx,
            """
            SELECT r.rma, r.order_id, r.number, r.state, channel, f.number AS parcel
            FROM returns r JOIN orders USING (order_id) LEFT JOIN fulfillments f ON f.rma = r.rma
            WHERE r.state <> 'closed' AND NOT EXISTS (SELECT FROM inbox i
                WHERE i.kind = 'return' AND i.source || '-' || i.external_id = r.rma
                    AND i.state = 'new')
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


@dataclass(frozen=True)
class Window:
    """What was begun between two moments, and whatever `refs` names at the other side."""

    since: datetime
    until: datetime
    refs: Sequence[str]

    def of(self, began: str, ref: str) -> str:
        """The condition, for a statement that is given `vars` of this."""
        return f"AND ({began} BETWEEN :since AND :until OR {ref} = ANY(CAST(:refs AS text[])))"


async def money_at_vendors(
    tx: AsyncConnection, days: int, window: Window | None = None
) -> list[Any]:
    """Return authorizations at a payment vendor, with what we may just be asking of it.

    `is_recent`: the order is open, or was closed within so many days. `was_just_asked`: within
    the hour, so that the answer may still be on its way.
    """
    return list(
        await rows(
            tx,
            f"""
            SELECT a.authorization_key, a.order_id, a.vendor_ref, a.amount_minor, a.currency,
                a.state, a.captured_minor, a.refunded_minor, o.outcome IS NULL AS is_open,
                coalesce(o.closed_at > now() - make_interval(days => :days), true) AS is_recent,
                coalesce(b.capturing, 0)::bigint AS capturing_minor,
                coalesce(b.refunding, 0)::bigint AS refunding_minor,
                coalesce(b.voiding, false) AS voiding,
                coalesce(b.asked_at > now() - interval '1 hour', false) AS was_just_asked
            FROM authorizations a JOIN orders o USING (order_id)
            JOIN payment_intents i ON i.key = a.authorization_key LEFT JOIN (
                SELECT authorization_key,
                    sum(amount_minor) FILTER (WHERE verb = 'capture') AS capturing,
                    sum(amount_minor) FILTER (WHERE verb = 'refund') AS refunding,
                    bool_or(verb = 'void') AS voiding, max(begun_at) AS asked_at
                FROM payment_intents WHERE state = 'begun' AND authorization_key IS NOT NULL
                GROUP BY 1) b ON b.authorization_key = a.authorization_key
            WHERE a.vendor NOT IN ('store_credit', 'manual')
                {window.of("i.begun_at", "a.vendor_ref") if window else ""}
            """,  # noqa: S608 - fragments of this file
            days=days,
            **(vars(window) if window else {}),
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


async def labels_at_vendors(
    tx: AsyncConnection, days: int, window: Window | None = None
) -> list[Any]:
    return list(
        await rows(
            tx,
            f"""
            SELECT l.label_key, coalesce(l.fulfillment_id, l.rma) AS fulfillment_id,
                l.vendor_shipment_id, l.state, l.tracking_number,
                f.handed_over_at IS NOT NULL AS is_handed_over,
                coalesce(f.ended_at, r.closed_at) IS NULL AS is_open,
                coalesce(coalesce(f.ended_at, r.closed_at) > now() - make_interval(days => :days),
                    true) AS is_recent
            FROM labels l LEFT JOIN fulfillments f USING (fulfillment_id)
                LEFT JOIN returns r ON r.rma = l.rma
            WHERE l.vendor_shipment_id IS NOT NULL
                {window.of("l.created_at", "l.vendor_shipment_id") if window else ""}
            """,  # noqa: S608 - fragments of this file
            days=days,
            **(vars(window) if window else {}),
        )
    )


async def channel_pushes(tx: AsyncConnection, window: Window | None = None) -> list[Any]:
    """Return what channels were told, or are about to be told, of our parcels.

    `is_due`: it was told, or should have been within the hour.
    """
    return list(
        await rows(
            tx,
            f"""
            SELECT key, payload ->> 'channel' AS channel, payload ->> 'external_id' AS external_id,
                payload ->> 'tracking_number' AS tracking_number,
                delivered_at IS NOT NULL AS is_delivered,
                delivered_at IS NOT NULL OR created_at < now() - interval '1 hour' AS is_due
            FROM outbox WHERE kind = 'channel_fulfillment'
                {window.of("created_at", "payload ->> 'external_id'") if window else ""}
            """,  # noqa: S608 - fragments of this file
            **(vars(window) if window else {}),
        )
    )
