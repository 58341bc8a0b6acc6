"""An order that is in the inbox and not among the orders: waiting for admission, or rejected."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row


@dataclass(frozen=True)
class Received:
    """`reason` is why it was rejected, when it was."""

    inbox_id: int
    channel: str
    external_id: str
    received_at: datetime
    next_attempt_at: datetime
    is_rejected: bool
    reason: str | None


async def received_order(
    connection: AsyncConnection, channel: str, external_id: str
) -> Received | None:
    found = await row(
        connection,
        """
        SELECT inbox_id, source, external_id, received_at, next_attempt_at,
          state = 'rejected' AS is_rejected, note
        FROM inbox
        WHERE source = :channel AND kind = 'order' AND external_id = :external_id
        """,
        channel=channel,
        external_id=external_id,
    )
    return None if found is None else Received(*found)


async def placement_end(
    connection: AsyncConnection, channel: str, external_id: str
) -> tuple[str, str | None] | None:
    """How a placement ended: its outcome and a word about it; None while it has not."""
    found = await row(
        connection,
        """
        SELECT coalesce(o.outcome, 'rejected_input'),
          CASE WHEN o.order_id IS NULL THEN i.note ELSE o.outcome_reason END
        FROM inbox i
        LEFT JOIN orders o ON o.channel = i.source AND o.external_id = i.external_id
        WHERE i.source = :channel AND i.kind = 'order' AND i.external_id = :external_id
          AND (o.outcome IS NOT NULL OR i.state = 'rejected')
        """,
        channel=channel,
        external_id=external_id,
    )
    return None if found is None else (found[0], found[1])
