"""Saved views of the list of orders, by name."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

_VIEW: Final = "SELECT name, query, version, saved_by, saved_at FROM saved_views"


async def list_views(
    connection: AsyncConnection, *, after: str | None, limit: int
) -> list[dict[str, Any]]:
    found = await rows(
        connection,
        f"{_VIEW} WHERE name > :after ORDER BY name LIMIT :limit",
        after=after or "",
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_view(connection: AsyncConnection, name: str) -> dict[str, Any] | None:
    found = await row(connection, f"{_VIEW} WHERE name = :name", name=name)
    return None if found is None else dict(found._asdict())
