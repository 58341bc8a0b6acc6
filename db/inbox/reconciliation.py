"""Closes a reconciliation task by a person's word."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_SETTLE: Final = sa.text("""
    UPDATE reconciliation_tasks SET state = 'resolved', resolution = 'settled',
      resolved_by = :actor, note = :note, resolved_at = now()
    WHERE task_id = :task_id AND state = 'open'
""")


async def settle(connection: AsyncConnection, task_id: int, actor: str, note: str) -> bool:
    """Say that a difference may stay as it is; False when the task is not open."""
    values = {"task_id": task_id, "actor": actor, "note": note}
    return (await connection.execute(_SETTLE, values)).rowcount > 0
