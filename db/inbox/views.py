"""Views of the list of orders: saved under a name, whoever saves last is right, and removed."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.inbox import audit


async def save(tx: AsyncConnection, actor: str, name: str, query: dict[str, Any]) -> None:
    """Filters hold no personal data, and so may stand in the audit log."""
    before = await _locked(tx, name)
    await row(
        tx,
        """
        INSERT INTO saved_views AS v (name, query, saved_by)
        VALUES (:name, CAST(:query AS jsonb), :actor)
        ON CONFLICT (name) DO UPDATE SET query = excluded.query, version = v.version + 1,
            saved_by = excluded.saved_by, saved_at = now()
        RETURNING version
        """,
        name=name,
        query=json.dumps(query),
        actor=actor,
    )
    await audit.record(tx, actor, "ViewSaved", name, audit.Change(before, query))


async def remove(tx: AsyncConnection, actor: str, name: str) -> bool:
    """False when there is none."""
    found = await row(tx, "DELETE FROM saved_views WHERE name = :name RETURNING query", name=name)
    if found is None:
        return False
    await audit.record(tx, actor, "ViewRemoved", name, audit.Change(before=found.query))
    return True


async def _locked(tx: AsyncConnection, name: str) -> dict[str, Any]:
    found = await row(tx, "SELECT query FROM saved_views WHERE name = :name FOR UPDATE", name=name)
    return dict(found.query) if found else {}
