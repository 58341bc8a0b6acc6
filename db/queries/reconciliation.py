"""Reconciliation tasks page by page, and what comparing needs to read beyond the audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

_COLUMNS: Final = """
    task_id, scope, kind, subject, detail, ours, theirs, state, first_seen, last_seen,
    escalated_at, resolution, resolved_by, note, resolved_at
"""


@dataclass(frozen=True)
class TaskFilter:
    state: str | None = None
    scope: str | None = None
    kind: str | None = None


async def list_tasks(
    connection: AsyncConnection, wanted: TaskFilter, *, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """List oldest first; what is only suspected is nobody's task yet."""
    conditions = ["state <> 'suspected'"]
    conditions += [f"{name} = :{name}" for name, value in vars(wanted).items() if value is not None]
    if after is not None:
        conditions.append("task_id > :after")
    found = await rows(
        connection,
        f"""
        SELECT {_COLUMNS} FROM reconciliation_tasks WHERE {" AND ".join(conditions)}
        ORDER BY task_id LIMIT :limit
        """,  # noqa: S608 - fragments of this file
        **vars(wanted),
        after=after,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_task(connection: AsyncConnection, task_id: int) -> dict[str, Any] | None:
    found = await row(
        connection,
        f"""
        SELECT {_COLUMNS} FROM reconciliation_tasks
        WHERE task_id = :task_id AND state <> 'suspected'
        """,  # noqa: S608 - fragments of this file
        task_id=task_id,
    )
    return None if found is None else found._asdict()


async def intents_by_key(tx: AsyncConnection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what we asked of a payment vendor under these keys."""
    found = await rows(
        tx,
        """
        SELECT key, order_id, verb, state, amount_minor, currency FROM payment_intents
        WHERE key = ANY(CAST(:keys AS text[]))
        """,
        keys=list(keys),
    )
    return {each.key: each._asdict() for each in found}


async def labels_by_key(tx: AsyncConnection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = await rows(
        tx,
        """
        SELECT label_key, fulfillment_id, vendor_shipment_id, state, tracking_number FROM labels
        WHERE label_key = ANY(CAST(:keys AS text[]))
        """,
        keys=list(keys),
    )
    return {each.label_key: each._asdict() for each in found}


async def received(tx: AsyncConnection, channel: str, external_ids: Sequence[str]) -> set[str]:
    """Say which of a channel's orders have reached us, whatever became of them."""
    found = await rows(
        tx,
        """
        SELECT external_id FROM inbox
        WHERE source = :channel AND kind = 'order'
            AND external_id = ANY(CAST(:external_ids AS text[]))
        """,
        channel=channel,
        external_ids=list(external_ids),
    )
    return {each.external_id for each in found}


async def not_cancelled(
    tx: AsyncConnection, channel: str, external_ids: Sequence[str]
) -> list[Any]:
    """Return those of a channel's orders that are open, or of which something left the house."""
    return list(
        await rows(
            tx,
            """
            SELECT order_id, external_id, outcome FROM orders
            WHERE channel = :channel AND external_id = ANY(CAST(:external_ids AS text[]))
                AND (outcome IS NULL OR outcome IN ('delivered', 'lost'))
            ORDER BY order_id
            """,
            channel=channel,
            external_ids=list(external_ids),
        )
    )


async def late_steps(tx: AsyncConnection, slack_s: float) -> list[Any]:
    """Return open orders and parcels past their deadline for which nobody was asked."""
    return list(
        await rows(
            tx,
            """
            SELECT w.* FROM (
                SELECT order_id AS subject, order_id, CAST(NULL AS bigint) AS number, next_step,
                    next_deadline
                FROM orders WHERE outcome IS NULL
                UNION ALL
                SELECT fulfillment_id, order_id, number, next_step, next_deadline
                FROM fulfillments WHERE ended_at IS NULL
                UNION ALL
                SELECT rma, order_id, NULL, next_step, next_deadline
                FROM returns WHERE state <> 'closed') w
            WHERE w.next_deadline < now() - make_interval(secs => :slack_s)
                AND NOT EXISTS (SELECT FROM exceptions x
                    WHERE x.order_id = w.order_id AND x.state = 'open'
                        AND (w.number IS NULL OR x.fulfillment_id IS NULL
                            OR x.fulfillment_id = w.subject))
            ORDER BY w.next_deadline
            """,
            slack_s=slack_s,
        )
    )
