"""Writes down who changed what through the API or the command line."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox.content import canonical_json

_INSERT: Final = sa.text("""
    INSERT INTO audit_log (actor, action, subject, data)
    VALUES (:actor, :action, :subject, CAST(:data AS jsonb))
""")


async def record(
    connection: AsyncConnection,
    actor: str,
    action: str,
    subject: str,
    data: dict[str, Any] | None = None,
) -> None:
    """`action` is past tense (`OrderCancellationAsked`); `data` holds no personal data."""
    row = {"actor": actor, "action": action, "subject": subject, "data": canonical_json(data or {})}
    await connection.execute(_INSERT, row)
