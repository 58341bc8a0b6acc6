"""Listens to every transaction of the shop, and notes those that lock in another order."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

# The order of docs/architecture.md, "Locks".
ORDER: Final = ("orders", "fulfillments", "labels", "pool_levels", "location_levels")
_UPDATED: Final = re.compile(r"\bUPDATE (?:ONLY )?(\w+)")
_LOCKED: Final = re.compile(r"\bFROM (\w+)(?:(?!\bFROM\b).)*?\bFOR UPDATE", re.DOTALL)
# Several in one statement, by the names it gives them: in that order.
_NAMED: Final = re.compile(r"\b(?:FROM|JOIN) (\w+) (\w+)")
_LOCKED_TOGETHER: Final = re.compile(r"\bFOR UPDATE OF (\w+(?:, \w+)+)")
_HELD: Final = "tables_locked"


def tables_locked(statement: str) -> list[str]:
    """Name the tables whose rows a statement locks, in the order in which it names them."""
    found = [
        (match.start(), match[1])
        for pattern in (_UPDATED, _LOCKED)
        for match in pattern.finditer(statement)
    ]
    tables = [table for _, table in sorted(found)]
    named = {alias: table for table, alias in _NAMED.findall(statement)}
    for aliases in _LOCKED_TOGETHER.findall(statement):
        tables += [named[alias] for alias in aliases.split(", ")[1:]]
    return [table for table in tables if table in ORDER]


def note(held: list[str], statement: str) -> list[str]:
    """Add what a statement locks to what is held; say what was locked too late."""
    wrong = []
    for table in tables_locked(statement):
        if table in held:
            continue
        later = [other for other in held if ORDER.index(other) > ORDER.index(table)]
        wrong += [f"{table} after {', '.join(later)}: {' '.join(statement.split())}"] * bool(later)
        held.append(table)
    return wrong


@contextmanager
def recorded(engine: AsyncEngine) -> Iterator[list[str]]:
    """Give a list to which each violation is added while it happens."""
    wrong: list[str] = []

    def begin(connection: Connection) -> None:
        connection.info[_HELD] = []

    def executed(connection: Connection, _: Any, statement: str, *rest: Any) -> None:
        wrong.extend(note(connection.info.setdefault(_HELD, []), statement))

    event.listen(engine.sync_engine, "begin", begin)
    event.listen(engine.sync_engine, "before_cursor_execute", executed)
    try:
        yield wrong
    finally:
        event.remove(engine.sync_engine, "begin", begin)
        event.remove(engine.sync_engine, "before_cursor_execute", executed)
