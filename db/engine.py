"""One way to open the database and to speak SQL to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

POOL_SIZE = 20
# How long to wait for a connection of the pool.
POOL_WAIT_S = 30.0
# A former primary, or a standby: the next connection may meet the writer.
_READ_ONLY: Final = "25006"
_LOCK_TIMEOUT: Final = "55P03"
# A host that is gone without a word is noticed within half a minute, whether we wait for it or it
# for us. Source: https://www.postgresql.org/docs/current/libpq-connect.html
NOTICES_SILENCE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def make_engine(
    database_url: str, *, pool_size: int = POOL_SIZE, pool_wait_s: float = POOL_WAIT_S
) -> AsyncEngine:
    return create_async_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # few connections, each with its statements prepared, before many
        pool_timeout=pool_wait_s,
        pool_pre_ping=False,
        pool_recycle=1800,
        connect_args={**NOTICES_SILENCE},
        hide_parameters=True,  # an error must not repeat what a customer wrote
    )


@asynccontextmanager
async def one_by_one(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection each of whose statements is a transaction, without a word more to the server.

    For what is done in one statement: BEGIN and COMMIT would be two more waits.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


@lru_cache(maxsize=1024)
def _parsed(statement: str) -> sa.TextClause:
    """Finding the parameters takes a quarter of what a statement costs here; it has them always."""
    return sa.text(statement)


def is_away(error: Exception) -> bool:
    """Whether the same statement may succeed later: nothing answers, or resources are short.

    The driver calls operational what has SQLSTATE class 08, 40, 53, 55, 57 or 58, and
    lost connections. Source: https://www.psycopg.org/psycopg3/docs/api/errors.html
    """
    if isinstance(error, PoolTimeout | OperationalError | InterfaceError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _READ_ONLY


def is_lock_timeout(error: Exception) -> bool:
    """Whether somebody held a lock for longer than the transaction would wait."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _LOCK_TIMEOUT


async def run(tx: AsyncConnection, statement: str, **values: Any) -> int:
    """Execute and return the number of rows it touched."""
    result = await tx.execute(_parsed(statement), values)
    return int(result.rowcount)


async def rows(tx: AsyncConnection, statement: str, **values: Any) -> Sequence[Any]:
    return (await tx.execute(_parsed(statement), values)).all()


async def row(tx: AsyncConnection, statement: str, **values: Any) -> Any | None:
    """Return the first row, or None."""
    return (await tx.execute(_parsed(statement), values)).first()
