"""Writes down who changed what through the API or the command line, and why."""

from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox.content import canonical_json

INSERT: Final = sa.text("""
    INSERT INTO audit_log (actor, action, subject, reason, before, after)
    VALUES (:actor, :action, :subject, :reason, CAST(:before AS jsonb), CAST(:after AS jsonb))
""")


@dataclass(frozen=True)
class Change:
    """Ids and states only, no personal data: what is written down can never be changed."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


NOTHING: Final = Change()


async def record(
    connection: AsyncConnection, actor: str, action: str, subject: str, change: Change = NOTHING
) -> None:
    """`action` is past tense: `OrderCancellationAsked`."""
    await connection.execute(INSERT, row(actor, action, subject, change))


def row(actor: str | None, action: str, subject: str, change: Change) -> dict[str, str | None]:
    return {
        "actor": actor,
        "action": action,
        "subject": subject,
        "reason": change.reason,
        "before": canonical_json(change.before),
        "after": canonical_json(change.after),
    }
