"""Escalation: what waits for a person too long is marked as told, in the transaction that tells."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows


async def overdue_exceptions(
    tx: AsyncConnection, owners: Sequence[str] | None, again_after_s: float, most: int
) -> Sequence[Any]:
    """Mark exceptions past their deadline as escalated and return them; two workers share them.

    `owners` None: everybody's. Each is due again when `again_after_s` have passed since.
    """
    return await rows(
        tx,
        """
        UPDATE exceptions SET escalated_at = now(), escalations = escalations + 1
        WHERE exception_id IN (
            SELECT exception_id FROM exceptions
            WHERE state = 'open' AND deadline < now()
                AND coalesce(escalated_at + make_interval(secs => :again_after_s) <= now(), true)
                AND (CAST(:owners AS text[]) IS NULL OR owner = ANY(CAST(:owners AS text[])))
            ORDER BY deadline LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING exception_id, order_id, owner, step, reason, deadline, resolutions, escalations
        """,
        owners=None if owners is None else list(owners),
        again_after_s=again_after_s,
        most=most,
    )


async def open_tasks(tx: AsyncConnection, again_after_s: float) -> Sequence[Any]:
    """Mark open reconciliation tasks as escalated and return them, likewise."""
    return await rows(
        tx,
        """
        UPDATE reconciliation_tasks SET escalated_at = now()
        WHERE task_id IN (
            SELECT task_id FROM reconciliation_tasks
            WHERE state = 'open'
                AND coalesce(escalated_at + make_interval(secs => :again_after_s) <= now(), true)
            ORDER BY task_id FOR UPDATE SKIP LOCKED)
        RETURNING task_id, kind, subject, detail, escalated_at
        """,
        again_after_s=again_after_s,
    )
