"""The order's rows: admitting it, telling its story, saying what comes next, closing it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from domain.address import Address
from domain.events import OrderEvent
from domain.order import Charge, Line, OrderDocument, Tender


async def insert_order(
    tx: AsyncConnection, order: OrderDocument, step: str, within_s: float
) -> bool:
    """Write the order and its parts; False when it is there already."""
    inserted = await row(
        tx,
        """
        WITH placed AS (
            INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
                customer_name, customer_email, customer_phone, ship_to, placed_at,
                next_step, next_deadline, pickup_location, address_verified)
            VALUES (:order_id, :channel, :external_id, :currency, :locale, :total_minor,
                :name, :email, :phone, CAST(:ship_to AS jsonb), :placed_at,
                :step, now() + make_interval(secs => :within_s), :pickup_location,
                CAST(:pickup_location AS text) IS NOT NULL)  -- nobody drives to it
            ON CONFLICT DO NOTHING RETURNING order_id, currency
        ), lines AS (
            INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor, tax_minor,
                discount_minor, external_line_id)
            SELECT order_id, l.* FROM placed, jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(
                line_no bigint, sku text, quantity bigint, unit_price_minor bigint,
                tax_minor bigint, discount_minor bigint, external_line_id text)
        ), charges AS (
            INSERT INTO order_charges (order_id, charge_no, kind, amount_minor)
            SELECT order_id, row_number() OVER (), kind, amount_minor
            FROM placed, jsonb_to_recordset(CAST(:charges AS jsonb)) AS c(kind text,
                amount_minor bigint)
        ), paid AS (
            INSERT INTO tenders (order_id, tender_no, kind, amount_minor, currency, reference)
            SELECT order_id, tender_no, kind, amount_minor, currency, reference
            FROM placed, jsonb_to_recordset(CAST(:tenders AS jsonb)) AS t(tender_no bigint,
                kind text, amount_minor bigint, reference text)
        )
        SELECT 1 FROM placed
        """,
        order_id=order.order_id,
        channel=order.channel,
        external_id=order.external_id,
        currency=order.currency,
        locale=order.locale,
        total_minor=order.total_minor,
        name=order.customer_name,
        email=order.customer_email,
        phone=order.customer_phone,
        ship_to=json.dumps(asdict(order.ship_to)),
        placed_at=order.placed_at,
        step=step,
        within_s=within_s,
        pickup_location=order.pickup_location,
        lines=json.dumps([asdict(line) for line in order.lines]),
        charges=json.dumps([asdict(charge) for charge in order.charges]),
        tenders=json.dumps([asdict(tender) for tender in order.tenders]),
    )
    return inserted is not None


# Merchants who subscribed to the event are told of it, in the statement that notes it.
SUBSCRIBERS = """
    INSERT INTO outbox (key, kind, order_id, payload, subscription_id, sequence)
    SELECT concat_ws(':', 'webhook', s.subscription_id, t.order_id, t.sequence), 'webhook',
        t.order_id, '{}', s.subscription_id, t.sequence
    FROM told t JOIN webhook_subscriptions s ON s.enabled AND s.events && ARRAY['*', t.event]
"""


async def tell(
    tx: AsyncConnection,
    order_id: str,
    event: OrderEvent,
    *,
    actor: str = "system",
    fulfillment_id: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append to the order's story; its version rises, which serialises all writers of one order.

    Merchants who subscribed to the event are told of it: in the same statement, because this one
    runs a dozen times an order.
    """
    await run(
        tx,
        f"""
        WITH bumped AS (
            UPDATE orders SET version = version + 1 WHERE order_id = :order_id RETURNING version
        ), told AS (
            INSERT INTO order_events (order_id, sequence, event, actor, fulfillment_id, data)
            SELECT :order_id, version, :event, :actor, :fulfillment_id, CAST(:data AS jsonb)
            FROM bumped RETURNING order_id, sequence, event
        )
        {SUBSCRIBERS}
        """,  # noqa: S608
        order_id=order_id,
        event=event,
        actor=actor,
        fulfillment_id=fulfillment_id,
        data=json.dumps(data or {}),
    )


async def step_on(
    tx: AsyncConnection, within_s: Mapping[str, float], step: str, event: OrderEvent
) -> None:
    """Tell the same of many open orders at once, and what each waits for next, until when."""
    await run(
        tx,
        f"""
        WITH bumped AS (
            UPDATE orders o SET version = o.version + 1, next_step = :step,
                next_deadline = now() + make_interval(secs => s.within_s)
            FROM unnest(CAST(:order_ids AS text[]), CAST(:within AS double precision[]))
                AS s(order_id, within_s)
            WHERE o.order_id = s.order_id AND o.outcome IS NULL
            RETURNING o.order_id, o.version
        ), told AS (
            INSERT INTO order_events (order_id, sequence, event, actor)
            SELECT order_id, version, :event, 'system' FROM bumped
            RETURNING order_id, sequence, event
        )
        {SUBSCRIBERS}
        """,  # noqa: S608
        order_ids=list(within_s),
        within=list(within_s.values()),
        step=step,
        event=event,
    )


async def derive_states(tx: AsyncConnection, order_ids: Sequence[str]) -> None:
    """Have what lists show of these orders derived together, not one by one at the commit.

    The transaction's last statement: what it changes of them afterwards is not looked at.
    """
    await run(
        tx,
        "SELECT refresh_order_states_of(CAST(:order_ids AS text[]))",
        order_ids=list(order_ids),
    )


async def next_step(tx: AsyncConnection, order_id: str, step: str, within_s: float) -> None:
    """Say what the open order waits for, and until when (seconds from now)."""
    await run(
        tx,
        """
        UPDATE orders SET next_step = :step,
            next_deadline = now() + make_interval(secs => :within_s)
        WHERE order_id = :order_id AND outcome IS NULL
        """,
        order_id=order_id,
        step=step,
        within_s=within_s,
    )


async def close(tx: AsyncConnection, order_id: str, outcome: str, reason: str | None) -> bool:
    """Close the order, its holds and changes with it; False when it was closed before."""
    return bool(
        await run(
            tx,
            """
            WITH over AS (
                UPDATE holds SET state = 'closed', ended_by = 'system', ended_at = now()
                WHERE order_id = :order_id AND state = 'open'
            ), undone AS (
                UPDATE order_changes SET state = 'dropped', ended_at = now()
                WHERE order_id = :order_id AND state = 'confirmed'
            )
            UPDATE orders SET outcome = :outcome, outcome_reason = :reason, closed_at = now(),
                next_step = NULL, next_deadline = NULL
            WHERE order_id = :order_id AND outcome IS NULL
            """,
            order_id=order_id,
            outcome=outcome,
            reason=reason,
        )
    )


async def head(tx: AsyncConnection, order_id: str, *, lock: bool = False) -> Any | None:
    """Return the order's row with its channel's pool and buffer, and the transaction's `now`."""
    return await row(
        tx,
        f"""
        SELECT o.*, c.pool, c.buffer, c.kind AS channel_kind, c.undeliverable, c.on_shortage,
            c.on_loss, c.decides_up_to_minor, c.on_out_of_stock, now() AS now
        FROM orders o JOIN channels c USING (channel)
        WHERE o.order_id = :order_id {"FOR UPDATE OF o" if lock else ""}
        """,  # noqa: S608
        order_id=order_id,
    )


async def lock_heads(
    tx: AsyncConnection, order_ids: Sequence[str], *, skip_locked: bool
) -> dict[str, Any]:
    """Lock the rows of many orders, in order; return each with its channel's terms of sale.

    With `skip_locked` those that somebody else holds are left out, and nothing is waited for.
    """
    found = await rows(
        tx,
        f"""
        SELECT o.order_id, o.outcome, o.pickup_location, c.pool, c.buffer, c.on_out_of_stock
        FROM orders o JOIN channels c USING (channel)
        WHERE o.order_id = ANY(CAST(:order_ids AS text[]))
        ORDER BY o.order_id FOR UPDATE OF o {"SKIP LOCKED" if skip_locked else ""}
        """,  # noqa: S608
        order_ids=list(order_ids),
    )
    return {head.order_id: head for head in found}


_LINES = """
    SELECT line_no, sku, quantity, unit_price_minor, tax_minor, discount_minor, external_line_id
    FROM order_lines WHERE order_id = :order_id ORDER BY line_no
"""
_CHARGES = (
    "SELECT kind, amount_minor FROM order_charges WHERE order_id = :order_id ORDER BY charge_no"
)
# Those that pay for exchanges are their returns'.
_TENDERS = """
    SELECT tender_no, kind, amount_minor, reference FROM tenders
    WHERE order_id = :order_id AND rma IS NULL ORDER BY tender_no
"""


async def lines(tx: AsyncConnection, order_id: str) -> tuple[Line, ...]:
    return tuple(Line(*line) for line in await rows(tx, _LINES, order_id=order_id))


async def charges(tx: AsyncConnection, order_id: str) -> tuple[Charge, ...]:
    return tuple(Charge(*charge) for charge in await rows(tx, _CHARGES, order_id=order_id))


async def tenders(tx: AsyncConnection, order_id: str) -> tuple[Tender, ...]:
    return tuple(Tender(*tender) for tender in await rows(tx, _TENDERS, order_id=order_id))


@dataclass(frozen=True)
class Contents:
    lines: tuple[Line, ...]
    charges: tuple[Charge, ...]
    tenders: tuple[Tender, ...]


async def contents(tx: AsyncConnection, order_id: str) -> Contents:
    """Return lines, charges and tenders, read together."""
    found = await row(
        tx,
        f"""
        SELECT (SELECT jsonb_agg(l) FROM ({_LINES}) l) AS lines,
            (SELECT jsonb_agg(c) FROM ({_CHARGES}) c) AS charges,
            (SELECT jsonb_agg(t) FROM ({_TENDERS}) t) AS tenders
        """,  # noqa: S608
        order_id=order_id,
    )
    assert found is not None
    return Contents(
        lines=tuple(Line(**line) for line in found.lines or ()),
        charges=tuple(Charge(**charge) for charge in found.charges or ()),
        tenders=tuple(Tender(**tender) for tender in found.tenders or ()),
    )


async def set_pickup(tx: AsyncConnection, order_id: str, location: str | None) -> None:
    """From now on the order is collected there; None: it is sent. Nobody drives to a store."""
    await run(
        tx,
        """
        UPDATE orders SET pickup_location = :location,
            address_verified = address_verified OR CAST(:location AS text) IS NOT NULL
        WHERE order_id = :order_id
        """,
        order_id=order_id,
        location=location,
    )


async def set_address(tx: AsyncConnection, order_id: str, address: Address) -> None:
    await run(
        tx,
        """
        UPDATE orders SET ship_to = CAST(:ship_to AS jsonb), address_verified = true
        WHERE order_id = :order_id
        """,
        order_id=order_id,
        ship_to=json.dumps(asdict(address)),
    )
