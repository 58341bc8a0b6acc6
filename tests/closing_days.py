"""Closes a location for some days from today on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import run


@asynccontextmanager
async def closed_for(engine: AsyncEngine, location: str, days: int) -> AsyncIterator[None]:
    await _close(engine, location, days)
    try:
        yield
    finally:
        await _close(engine, location, 0)


async def _close(engine: AsyncEngine, location: str, days: int) -> None:
    async with engine.begin() as tx:
        await run(
            tx,
            """
            UPDATE locations SET holidays = ARRAY(
                SELECT (now() AT TIME ZONE 'UTC')::date + n
                FROM generate_series(0, CAST(:days AS int) - 1) AS n)
            WHERE location = :location
            """,
            days=days,
            location=location,
        )
