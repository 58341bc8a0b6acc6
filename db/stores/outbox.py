"""The outbox: what others must be told, written in the transaction that made it true."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run

# Doubled on each failure up to an hour.
FIRST_RETRY_S: Final = 2
LONGEST_RETRY_S: Final = 3600
# A weekend and a day: eleven doublings take an hour and eight minutes, the others an hour each.
MOST_ATTEMPTS: Final = 82
# What was not even tried, because nobody has configured the way, is looked at again this often.
POSTPONED_S: Final = 60


async def post(
    tx: AsyncConnection, key: str, kind: str, order_id: str | None, payload: Mapping[str, Any]
) -> None:
    """Add a message once for each key."""
    await run(
        tx,
        """
        INSERT INTO outbox (key, kind, order_id, payload)
        VALUES (:key, :kind, :order_id, CAST(:payload AS jsonb)) ON CONFLICT (key) DO NOTHING
        """,
        key=key,
        kind=kind,
        order_id=order_id,
        payload=json.dumps(payload),
    )


async def due_lanes(tx: AsyncConnection) -> list[str]:
    """Name the lanes with something due, by one look at the index for each lane that waits."""
    found = await rows(
        tx,
        """
        WITH RECURSIVE lanes AS (
            SELECT min(lane) AS lane FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL
            UNION ALL
            SELECT (
                SELECT min(o.lane) FROM outbox o
                WHERE o.lane > l.lane AND o.delivered_at IS NULL AND o.dead_at IS NULL
            ) FROM lanes l WHERE l.lane IS NOT NULL
        )
        SELECT lane FROM lanes l
        WHERE EXISTS (
            SELECT 1 FROM outbox o WHERE o.lane = l.lane
                AND o.delivered_at IS NULL AND o.dead_at IS NULL AND o.next_attempt_at <= now()
        ) AND NOT EXISTS (
            SELECT 1 FROM webhook_subscriptions s
            WHERE l.lane = 'webhook:' || s.subscription_id AND NOT s.enabled
        )
        """,
    )
    return [each.lane for each in found]


async def claim(tx: AsyncConnection, lane: str, most: int) -> Sequence[Any]:
    """Lock messages of a lane that are due; other deliverers skip them.

    A subscription hears of an order's events in their order: one waits until those before it are
    delivered or given up.
    """
    return await rows(
        tx,
        """
        SELECT o.outbox_id, o.key, o.kind, o.order_id, o.payload, o.attempts,
            o.created_at, o.subscription_id
        FROM outbox o
        WHERE o.lane = :lane AND o.delivered_at IS NULL AND o.dead_at IS NULL
            AND o.next_attempt_at <= now()
            AND o.sequence IS NOT DISTINCT FROM (
                SELECT min(first.sequence) FROM outbox first
                WHERE first.subscription_id = o.subscription_id AND first.order_id = o.order_id
                    AND first.delivered_at IS NULL AND first.dead_at IS NULL
            )
        ORDER BY o.next_attempt_at, o.outbox_id LIMIT :most FOR UPDATE OF o SKIP LOCKED
        """,
        lane=lane,
        most=most,
    )


async def delivered(tx: AsyncConnection, message: Any) -> None:
    await run(
        tx,
        """
        UPDATE outbox SET delivered_at = now(), attempts = attempts + 1, last_error = NULL
        WHERE outbox_id = :outbox_id
        """,
        outbox_id=message.outbox_id,
    )
    if message.attempts:
        await _followers_wait_alike(tx, message)


async def failed(tx: AsyncConnection, message: Any, error: str) -> bool:
    """Try again later; True when it was the last time and the message is a dead letter now."""
    ended = await row(
        tx,
        """
        UPDATE outbox SET attempts = attempts + 1, last_error = left(:error, 500),
            next_attempt_at = now() + make_interval(
                secs => least(:longest, :first * power(2, least(attempts, 20)))),
            dead_at = CASE WHEN attempts + 1 >= :most THEN now() END
        WHERE outbox_id = :outbox_id
        RETURNING dead_at IS NOT NULL AS is_dead
        """,
        outbox_id=message.outbox_id,
        error=error,
        longest=LONGEST_RETRY_S,
        first=FIRST_RETRY_S,
        most=MOST_ATTEMPTS,
    )
    await _followers_wait_alike(tx, message)
    return ended is not None and bool(ended.is_dead)


async def gave_up(tx: AsyncConnection, message: Any, error: str) -> None:
    """Make it a dead letter: trying again would not help before a person does something."""
    await run(
        tx,
        """
        UPDATE outbox SET attempts = attempts + 1, last_error = left(:error, 500), dead_at = now()
        WHERE outbox_id = :outbox_id
        """,
        outbox_id=message.outbox_id,
        error=error,
    )


async def postponed(tx: AsyncConnection, message: Any, error: str) -> None:
    """Say why it was not tried; that is no attempt."""
    await run(
        tx,
        """
        UPDATE outbox SET last_error = left(:error, 500),
            next_attempt_at = now() + make_interval(secs => :postponed_s)
        WHERE outbox_id = :outbox_id
        """,
        outbox_id=message.outbox_id,
        error=error,
        postponed_s=POSTPONED_S,
    )


async def _followers_wait_alike(tx: AsyncConnection, message: Any) -> None:
    """What must come after a message is not due before it, and due at once when it has ended.

    Without this, every look at a lane would pass by all that cannot go yet. One that is locked is
    being sent: its predecessor was replayed meanwhile.
    """
    if message.subscription_id is None:
        return
    await run(
        tx,
        """
        UPDATE outbox o SET next_attempt_at = followers.due_at
        FROM (
            SELECT f.outbox_id,
                CASE WHEN m.delivered_at IS NULL AND m.dead_at IS NULL
                    THEN m.next_attempt_at ELSE now() END AS due_at
            FROM outbox m JOIN outbox f ON f.subscription_id = m.subscription_id
                AND f.order_id = m.order_id AND f.sequence > m.sequence
                AND f.delivered_at IS NULL AND f.dead_at IS NULL
            WHERE m.outbox_id = :outbox_id FOR UPDATE OF f SKIP LOCKED
        ) followers
        WHERE o.outbox_id = followers.outbox_id
        """,
        outbox_id=message.outbox_id,
    )
