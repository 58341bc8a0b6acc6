"""Exceptions, most urgent first, and one by its id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

OVERDUE: Final = "state = 'open' AND deadline < now()"
_COLUMNS: Final = f"""
    exception_id, workflow_id, order_id, fulfillment_id, step, reason, detail, owner, deadline,
    resolutions, state, resolution, resolved_by, note, opened_at, resolved_at, escalated_at,
    {OVERDUE} AS overdue
"""


@dataclass(frozen=True)
class After:
    deadline: datetime
    exception_id: str


async def list_exceptions(
    connection: AsyncConnection,
    state: str | None,
    *,
    overdue: bool | None = None,
    after: After | None,
    limit: int,
) -> list[dict[str, Any]]:
    conditions = ["true"]
    if overdue is not None:
        conditions.append(f"({OVERDUE}) = :overdue")
    if state is not None:
        conditions.append("state = :state")
    if after is not None:
        conditions.append("(deadline, exception_id) > (:deadline, :exception_id)")
    found = await rows(
        connection,
        f"""
        SELECT {_COLUMNS} FROM exceptions WHERE {" AND ".join(conditions)}
        ORDER BY deadline, exception_id LIMIT :limit
        """,  # noqa: S608 - fragments of this file
        state=state,
        overdue=overdue,
        deadline=after and after.deadline,
        exception_id=after and after.exception_id,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_exception(connection: AsyncConnection, exception_id: str) -> dict[str, Any] | None:
    found = await row(
        connection,
        f"SELECT {_COLUMNS} FROM exceptions WHERE exception_id = :exception_id",  # noqa: S608 - fragments of this file
        exception_id=exception_id,
    )
    return None if found is None else found._asdict()
