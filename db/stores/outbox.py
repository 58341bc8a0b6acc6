"""The outbox: what others must be told, written in the transaction that made it true."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run

# Doubled on each failure up to an hour.
FIRST_RETRY_S = 2
LONGEST_RETRY_S = 3600


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


async def claim(tx: AsyncConnection, most: int) -> Sequence[Any]:
    """Lock messages that are due; other deliverers skip them."""
    return await rows(
        tx,
        """
        SELECT outbox_id, key, kind, order_id, payload, attempts, created_at FROM outbox
        WHERE delivered_at IS NULL AND next_attempt_at <= now()
        ORDER BY next_attempt_at, outbox_id LIMIT :most FOR UPDATE SKIP LOCKED
        """,
        most=most,
    )


async def delivered(tx: AsyncConnection, outbox_id: int) -> None:
    await run(
        tx,
        """
        UPDATE outbox SET delivered_at = now(), attempts = attempts + 1, last_error = NULL
        WHERE outbox_id = :outbox_id
        """,
        outbox_id=outbox_id,
    )


async def failed(tx: AsyncConnection, outbox_id: int, error: str) -> None:
    await run(
        tx,
        """
        UPDATE outbox SET attempts = attempts + 1, last_error = left(:error, 500),
            next_attempt_at = now() + make_interval(
                secs => least(:longest, :first * power(2, least(attempts, 20))))
        WHERE outbox_id = :outbox_id
        """,
        outbox_id=outbox_id,
        error=error,
        longest=LONGEST_RETRY_S,
        first=FIRST_RETRY_S,
    )
