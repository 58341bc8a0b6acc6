"""Telling again on a person's word: one dead letter, or all that a subscription was to hear."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from db.inbox import audit


class ReceiverGone(Exception):
    """The subscription was deleted: nobody is there to be told."""


async def replay_dead_letter(tx: AsyncConnection, actor: str, dead_letter_id: int) -> bool:
    """Let a dead letter be sent anew, with all its attempts; False when there is no such one.

    Raises: ReceiverGone.
    """
    found = await row(
        tx,
        """
        SELECT s.deleted_at IS NOT NULL AS is_gone
        FROM outbox o LEFT JOIN webhook_subscriptions s USING (subscription_id)
        WHERE o.outbox_id = :outbox_id AND o.dead_at IS NOT NULL FOR UPDATE OF o
        """,
        outbox_id=dead_letter_id,
    )
    if found is None:
        return False
    if found.is_gone:
        raise ReceiverGone
    await run(
        tx,
        """
        UPDATE outbox SET dead_at = NULL, attempts = 0, next_attempt_at = now()
        WHERE outbox_id = :outbox_id
        """,
        outbox_id=dead_letter_id,
    )
    await audit.record(tx, actor, "DeadLetterReplayed", str(dead_letter_id))
    return True


async def replay_since(
    tx: AsyncConnection, actor: str, subscription_id: str, since: datetime
) -> int | None:
    """Tell a subscription again what happened since then, and what it missed while disabled.

    Returns how many events; None when there is no such subscription. What waits anyway is neither
    touched nor counted.
    """
    known = await row(
        tx,
        """
        SELECT 1 FROM webhook_subscriptions
        WHERE subscription_id = :subscription_id AND deleted_at IS NULL
        FOR NO KEY UPDATE -- one replay at a time, while orders go on being told
        """,
        subscription_id=subscription_id,
    )
    if known is None:
        return None
    named = {"subscription_id": subscription_id, "since": since}
    # Two statements, since one that did both would wait for rows that are being delivered.
    again = await run(
        tx,
        """
        UPDATE outbox o SET delivered_at = NULL, dead_at = NULL, attempts = 0,
            next_attempt_at = now()
        FROM order_events e, webhook_subscriptions s
        WHERE e.at >= :since AND s.subscription_id = :subscription_id
            AND s.events && ARRAY['*', e.event]
            AND o.key = concat_ws(':', 'webhook', s.subscription_id, e.order_id, e.sequence)
            AND (o.delivered_at IS NOT NULL OR o.dead_at IS NOT NULL)
        """,
        **named,
    )
    missed = await run(
        tx,
        """
        INSERT INTO outbox (key, kind, order_id, payload, subscription_id, sequence)
        SELECT concat_ws(':', 'webhook', s.subscription_id, e.order_id, e.sequence), 'webhook',
            e.order_id, '{}', s.subscription_id, e.sequence
        FROM order_events e JOIN webhook_subscriptions s
            ON s.subscription_id = :subscription_id AND s.events && ARRAY['*', e.event]
        WHERE e.at >= :since ORDER BY e.at, e.sequence
        ON CONFLICT (key) DO NOTHING
        """,
        **named,
    )
    data = {"since": since.isoformat(), "events": again + missed}
    await audit.record(tx, actor, "WebhooksReplayed", subscription_id, audit.Change(after=data))
    return again + missed
