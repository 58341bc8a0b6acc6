"""What could not be told and was given up: e-mails, news to channels, merchants' webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows


@dataclass(frozen=True)
class Wanted:
    kind: str | None = None
    subscription_id: str | None = None


@dataclass(frozen=True)
class Before:
    dead_at: datetime
    dead_letter_id: int


async def count_dead_letters(connection: AsyncConnection, wanted: Wanted) -> int:
    found = await row(
        connection,
        f"SELECT count(*) AS total FROM outbox o WHERE {_conditions(wanted)}",  # noqa: S608 - fragments of this file
        **vars(wanted),
    )
    assert found is not None
    return int(found.total)


async def list_dead_letters(
    connection: AsyncConnection, wanted: Wanted, *, before: Before | None = None, limit: int
) -> list[dict[str, Any]]:
    """List them without their content, those given up last first."""
    beyond = "(o.dead_at, o.outbox_id) < (:dead_at, :dead_letter_id)"
    found = await rows(
        connection,
        f"""
        SELECT o.outbox_id AS dead_letter_id, o.kind, o.order_id, o.subscription_id, o.sequence,
            e.event AS type, o.attempts, o.last_error, o.created_at, o.dead_at
        FROM outbox o LEFT JOIN order_events e USING (order_id, sequence)
        WHERE {_conditions(wanted)} AND {"true" if before is None else beyond}
        ORDER BY o.dead_at DESC, o.outbox_id DESC LIMIT :limit
        """,  # noqa: S608 - fragments of this file
        **vars(wanted),
        dead_at=before and before.dead_at,
        dead_letter_id=before and before.dead_letter_id,
        limit=limit,
    )
    return [each._asdict() for each in found]


def _conditions(wanted: Wanted) -> str:
    conditions = ["o.dead_at IS NOT NULL"]
    if wanted.kind is not None:
        conditions.append("o.kind = :kind")
    if wanted.subscription_id is not None:
        conditions.append("o.subscription_id = :subscription_id")
    return " AND ".join(conditions)
