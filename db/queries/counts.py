"""Tasks to count a SKU at a location, oldest first."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows


async def list_tasks(
    connection: AsyncConnection, state: str | None, *, after: int | None, limit: int
) -> list[dict[str, Any]]:
    found = await rows(
        connection,
        """
        SELECT to_jsonb(t) AS found FROM count_tasks t
        WHERE (CAST(:state AS text) IS NULL OR state = :state)
            AND count_task_id > coalesce(CAST(:after AS bigint), 0)
        ORDER BY count_task_id LIMIT :limit
        """,
        state=state,
        after=after,
        limit=limit,
    )
    return [dict(each.found) for each in found]


async def get_task(connection: AsyncConnection, task_id: int) -> dict[str, Any] | None:
    found = await row(
        connection,
        "SELECT to_jsonb(t) AS found FROM count_tasks t WHERE count_task_id = :id",
        id=task_id,
    )
    return dict(found.found) if found else None
