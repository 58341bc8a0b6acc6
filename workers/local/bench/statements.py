"""Counts the SQL statements that the product's role sends, as PostgreSQL itself counts them."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import psycopg

from workers.local.postgres import ROLE

# What the server needs to be started with.
SETTINGS: Final[Mapping[str, str]] = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "10000",
}
_BRACKETS: Final = ("BEGIN", "COMMIT", "ROLLBACK")
# Of a trigger deferred to the commit, which the server takes for one that a client sent.
_OF_A_TRIGGER: Final = re.compile(r"\b(NEW|OLD)\.")


@dataclass(frozen=True)
class Statements:
    """How often each was sent; what begins and ends transactions is counted by itself."""

    by_text: Mapping[str, int] = field(default_factory=dict)
    transactions: int = 0

    @property
    def calls(self) -> int:
        return sum(self.by_text.values())

    def most(self, count: int) -> list[tuple[str, int]]:
        """Those sent most often, with their calls."""
        return Counter(self.by_text).most_common(count)

    def __add__(self, other: "Statements") -> "Statements":
        together = Counter(self.by_text) + Counter(other.by_text)
        return Statements(together, self.transactions + other.transactions)


class StatementCounter:
    """Speaks as superuser, so that its own questions are not among those counted."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def prepare(self) -> None:
        async with await self._connect() as connection:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    async def reset(self) -> None:
        async with await self._connect() as connection:
            await connection.execute("SELECT pg_stat_statements_reset()")

    async def read(self) -> Statements:
        """What was sent since the last reset; every statement a client sends is one."""
        async with await self._connect() as connection:
            answer = await connection.execute(
                """
                SELECT regexp_replace(s.query, '\\s+', ' ', 'g'), sum(s.calls)::bigint
                FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
                WHERE r.rolname = %s AND s.toplevel
                GROUP BY 1
                """,
                (ROLE,),
            )
            found: list[tuple[str, int]] = await answer.fetchall()
        sent = {query: calls for query, calls in found if not _is_own(query)}
        ended = sum(calls for query, calls in found if query.startswith(_BRACKETS[1:]))
        return Statements(sent, ended)

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)


def _is_own(query: str) -> bool:
    """Whether it is the server's own, or only begins or ends a transaction."""
    return query.startswith(_BRACKETS) or _OF_A_TRIGGER.search(query) is not None
