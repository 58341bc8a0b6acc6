"""What the delivery of a merchant's webhook needs to know: where to, signed by what, about what."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

# Rotated more often within a day, the oldest sign no more: a header has its limits.
MOST_SIGNATURES: Final = 5


async def endpoint(tx: AsyncConnection, subscription_id: str) -> Any | None:
    """Return address, valid secrets (newest first) and the time; None when it is disabled."""
    return await row(
        tx,
        """
        SELECT s.url, CAST(extract(epoch FROM now()) AS bigint) AS now_s,
            ARRAY(
                SELECT w.secret FROM webhook_secrets w
                WHERE w.subscription_id = s.subscription_id
                    AND (w.expires_at IS NULL OR w.expires_at > now())
                ORDER BY w.secret_id DESC LIMIT :most
            ) AS secrets
        FROM webhook_subscriptions s WHERE s.subscription_id = :subscription_id AND s.enabled
        """,
        subscription_id=subscription_id,
        most=MOST_SIGNATURES,
    )


async def letters(tx: AsyncConnection, outbox_ids: Sequence[int]) -> Sequence[Any]:
    """Return the events that these messages tell."""
    return await rows(
        tx,
        """
        SELECT m.outbox_id, e.order_id, e.sequence, e.event, e.fulfillment_id, e.data, e.at,
            o.channel, o.external_id
        FROM outbox m JOIN order_events e USING (order_id, sequence) JOIN orders o USING (order_id)
        WHERE m.outbox_id = ANY (:outbox_ids)
        """,
        outbox_ids=list(outbox_ids),
    )
