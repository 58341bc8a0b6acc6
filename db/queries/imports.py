"""Imports as they are read, and their rejects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows


@dataclass(frozen=True)
class Before:
    started_at: datetime
    import_id: str


async def list_imports(
    connection: AsyncConnection, *, before: Before | None, limit: int
) -> list[dict[str, Any]]:
    """Newest first."""
    beyond = "(started_at, import_id) < (:started_at, :import_id)"
    found = await rows(
        connection,
        f"""
        SELECT * FROM imports WHERE {"true" if before is None else beyond}
        ORDER BY started_at DESC, import_id DESC LIMIT :limit
        """,  # noqa: S608 - fragments of this file
        started_at=before and before.started_at,
        import_id=before and before.import_id,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_import(connection: AsyncConnection, import_id: str) -> dict[str, Any] | None:
    found = await row(
        connection, "SELECT * FROM imports WHERE import_id = :import_id", import_id=import_id
    )
    return None if found is None else found._asdict()


async def list_rejects(
    connection: AsyncConnection, import_id: str, *, after: int, limit: int
) -> list[dict[str, Any]]:
    """In the order of the file; `after` is the row at which the page before ended."""
    found = await rows(
        connection,
        """
        SELECT row, faults, entry FROM import_rejects
        WHERE import_id = :import_id AND row > :after ORDER BY row LIMIT :limit
        """,
        import_id=import_id,
        after=after,
        limit=limit,
    )
    return [each._asdict() for each in found]
