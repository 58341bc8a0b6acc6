"""What a carrier says of a parcel: read under its locks, and written in one statement."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from db.stores.orders import SUBSCRIBERS
from domain.tracking import TrackingEvent


async def tracked(tx: AsyncConnection, tracker_id: str) -> Any | None:
    """Return the fulfillment order that a tracker follows, with what mails say of it.

    Locked after its order's row: scans take turns, and who waited reads both as they are then.
    """
    return await row(
        tx,
        """
        SELECT f.fulfillment_id, f.order_id, f.number, f.state, f.tracking_status,
            o.channel, o.external_id, o.customer_name, o.customer_email, o.total_minor, o.currency,
            l.carrier, l.tracking_number
        FROM orders o JOIN fulfillments f USING (order_id) JOIN labels l USING (fulfillment_id)
        WHERE l.tracker_id = :tracker_id FOR UPDATE OF o, f
        """,
        tracker_id=tracker_id,
    )


async def keep(
    tx: AsyncConnection,
    fulfillment_id: str,
    events: Sequence[TrackingEvent],
    status: str,
    ended: Sequence[int],
) -> None:
    """Keep every scan once; when `status` is news, show it and append it to the order's story.

    `ended` are the inbox's rows that said so. One statement, because a parcel has many messages,
    and most of them bring nothing but a scan.
    """
    await run(
        tx,
        f"""
        WITH scans AS (
            INSERT INTO tracking_events
                (fulfillment_id, event_id, status, description, occurred_at)
            SELECT :fulfillment_id, event_id, status, left(description, 500), occurred_at
            FROM jsonb_to_recordset(CAST(:scans AS jsonb)) AS s(event_id text, status text,
                description text, occurred_at timestamptz)
            ON CONFLICT DO NOTHING
        ), ended AS (
            UPDATE inbox SET state = 'handled', handled_at = now()
            WHERE inbox_id = ANY(CAST(:ended AS bigint[])) AND state = 'new'
        ), moved AS (
            UPDATE fulfillments SET tracking_status = :status,
                next_step = CASE WHEN state = 'handed_over' THEN 'delivery by the carrier'
                    ELSE next_step END
            WHERE fulfillment_id = :fulfillment_id AND tracking_status IS DISTINCT FROM :status
            RETURNING order_id
        ), bumped AS (
            UPDATE orders o SET version = o.version + 1
            FROM moved WHERE o.order_id = moved.order_id RETURNING o.order_id, o.version
        ), told AS (
            INSERT INTO order_events (order_id, sequence, event, actor, fulfillment_id, data)
            SELECT order_id, version, 'TrackingUpdated', 'carrier', :fulfillment_id,
                CAST(:data AS jsonb)
            FROM bumped RETURNING order_id, sequence, event
        )
        {SUBSCRIBERS}
        """,  # noqa: S608
        fulfillment_id=fulfillment_id,
        scans=json.dumps([_scan(event) for event in events]),
        ended=list(ended),
        status=status,
        data=json.dumps({"status": status}),
    )


def _scan(event: TrackingEvent) -> dict[str, str]:
    return {
        "event_id": event.event_id,
        "status": str(event.status),
        "description": event.description,
        "occurred_at": event.occurred_at.isoformat(),
    }
