"""Guesses at collection codes: counted by parcel, so that nobody tries them all."""

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


async def count_try(tx: AsyncConnection, fulfillment_id: str, forgotten_s: float) -> int:
    """Count one try, before it is looked at; return how many there are in this stretch of time."""
    counted = await row(
        tx,
        """
        INSERT INTO collection_tries AS t (fulfillment_id, tries) VALUES (:id, 1)
        ON CONFLICT (fulfillment_id) DO UPDATE SET
            tries = CASE WHEN t.since < now() - make_interval(secs => :forgotten_s) THEN 1
                ELSE t.tries + 1 END,
            since = CASE WHEN t.since < now() - make_interval(secs => :forgotten_s) THEN now()
                ELSE t.since END
        RETURNING tries
        """,
        id=fulfillment_id,
        forgotten_s=forgotten_s,
    )
    assert counted is not None
    return int(counted.tries)


async def forget_tries(tx: AsyncConnection, fulfillment_id: str) -> None:
    """The right code was given."""
    await run(tx, "DELETE FROM collection_tries WHERE fulfillment_id = :id", id=fulfillment_id)
