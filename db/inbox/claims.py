"""How a claim on a carrier ended, as a person heard it from the carrier."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


async def locked(tx: AsyncConnection, fulfillment_id: str) -> Any | None:
    return await row(
        tx, "SELECT * FROM carrier_claims WHERE fulfillment_id = :id FOR UPDATE", id=fulfillment_id
    )


async def end(
    tx: AsyncConnection, fulfillment_id: str, settled_minor: int | None, actor: str
) -> None:
    """End the locked, open claim: settled with what the carrier pays, or refused without."""
    await run(
        tx,
        """
        UPDATE carrier_claims SET settled_minor = CAST(:settled_minor AS bigint),
            state = CASE WHEN CAST(:settled_minor AS bigint) IS NULL THEN 'refused'
                ELSE 'settled' END,
            ended_by = :actor, ended_at = now()
        WHERE fulfillment_id = :id
        """,
        id=fulfillment_id,
        settled_minor=settled_minor,
        actor=actor,
    )
