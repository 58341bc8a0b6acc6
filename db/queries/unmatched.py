"""Goods that came back and belong to no return, oldest first."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows


async def list_goods(
    connection: AsyncConnection, state: str | None, *, after: int | None, limit: int
) -> list[dict[str, Any]]:
    found = await rows(
        connection,
        """
        SELECT to_jsonb(g) AS found FROM unmatched_goods g
        WHERE (CAST(:state AS text) IS NULL OR state = :state)
            AND goods_id > coalesce(CAST(:after AS bigint), 0)
        ORDER BY goods_id LIMIT :limit
        """,
        state=state,
        after=after,
        limit=limit,
    )
    return [dict(each.found) for each in found]


async def get_goods(connection: AsyncConnection, goods_id: int) -> dict[str, Any] | None:
    found = await row(
        connection,
        "SELECT to_jsonb(g) AS found FROM unmatched_goods g WHERE goods_id = :id",
        id=goods_id,
    )
    return dict(found.found) if found else None
