"""Fills an empty, migrated database with plausible orders, a statement a table."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Final

import psycopg

# What the triggers would have written is derived last, from the views that they read themselves.
_DERIVED_FROM: Final = "search"


def _shipped(name: str) -> str:
    return files("workers.local.bench").joinpath(name).read_text("utf-8")


def statements() -> Iterator[tuple[str, str]]:
    """Each with its name, in the order in which they are run."""
    for block in _shipped("plausible.sql").split("\n--: ")[1:]:
        name, _, sql = block.partition("\n")
        yield name, sql.strip().removesuffix(";")


def words() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = ""
    for line in _shipped("people.txt").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section:
            found.setdefault(section, []).extend(line.split())
    return found


async def fill(superuser_dsn: str, orders: int, told: Callable[[str], None]) -> None:
    """As superuser, so that nothing is checked or written a row at a time, by triggers."""
    given = {"orders": orders, **words()}
    async with await psycopg.AsyncConnection.connect(superuser_dsn, autocommit=True) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET work_mem = '128MB'")
        await connection.execute("SELECT setseed(0.5)")
        for name, sql in statements():
            if name == _DERIVED_FROM:
                await connection.execute("ANALYZE")
            told(name)
            await connection.execute(sql, given)
        await connection.execute("DROP TABLE drawn")
        told("statistics")
        await connection.execute("VACUUM (ANALYZE)")
