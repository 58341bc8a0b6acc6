"""The few questions and orders the launcher has for a PostgreSQL server.

Apart from the launcher, so that the driver is loaded while the server is already starting.
"""

from typing import LiteralString

import psycopg
from psycopg import sql

from workers.errors import UserError


async def _connect(url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)


async def answers(url: str) -> bool:
    """Raises: UserError when it answers, but knows other passwords."""
    try:
        async with await _connect(url) as connection:
            await connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise UserError("the kept passwords do not fit the database") from error
        return False
    return True


async def ensure_database(url: str, owner: str, password: str, name: str) -> None:
    """Ours is a plain role that may create databases, not the superuser."""
    role, database = sql.Identifier(owner), sql.Identifier(name)
    async with await _connect(url) as connection:
        if not await _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", owner):
            create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
            await connection.execute(create.format(role, sql.Literal(password)))
        if not await _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", name):
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            await connection.execute(create.format(database, role))


async def create_database(url: str, name: str, template: str | None) -> None:
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    async with await _connect(url) as connection:
        await connection.execute(statement)


async def drop_database(url: str, name: str) -> None:
    """Also while others are still connected to it."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    async with await _connect(url) as connection:
        await connection.execute(drop.format(sql.Identifier(name)))


async def _exists(connection: psycopg.AsyncConnection, question: LiteralString, name: str) -> bool:
    return await (await connection.execute(question, (name,))).fetchone() is not None
