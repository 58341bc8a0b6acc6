"""Ends rows of the inbox: what they said was seen to, or never will be."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import run


async def end(
    tx: AsyncConnection, inbox_ids: Sequence[int], state: str, note: str | None = None
) -> None:
    await run(
        tx,
        """
        UPDATE inbox SET state = :state, note = left(:note, 2000), handled_at = now()
        WHERE inbox_id = ANY(CAST(:inbox_ids AS bigint[])) AND state = 'new'
        """,
        state=state,
        note=note,
        inbox_ids=list(inbox_ids),
    )
