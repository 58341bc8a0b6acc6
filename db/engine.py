"""One way to open the database and to speak SQL to it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

POOL_SIZE = 20


def make_engine(database_url: str, *, pool_size: int = POOL_SIZE) -> AsyncEngine:
    return create_async_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,  # an error must not repeat what a customer wrote
    )


async def run(tx: AsyncConnection, statement: str, **values: Any) -> int:
    """Execute and return the number of rows it touched."""
    result = await tx.execute(sa.text(statement), values)
    return int(result.rowcount)


async def rows(tx: AsyncConnection, statement: str, **values: Any) -> Sequence[Any]:
    return (await tx.execute(sa.text(statement), values)).all()


async def row(tx: AsyncConnection, statement: str, **values: Any) -> Any | None:
    """Return the first row, or None."""
    return (await tx.execute(sa.text(statement), values)).first()
