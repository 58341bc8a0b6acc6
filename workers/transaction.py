"""One transaction for a command that changes the database and ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import make_engine
from workers.settings import Settings


@asynccontextmanager
async def transaction(settings: Settings) -> AsyncIterator[AsyncConnection]:
    engine = make_engine(settings.require_database_url())
    try:
        async with engine.begin() as tx:
            yield tx
    finally:
        await engine.dispose()
