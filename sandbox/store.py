"""Keeps all the vendors know in one SQLite file; effect and ledger row are one transaction."""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sandbox.clock import Clock

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, lookup TEXT, sort TEXT NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_lookup ON objects (kind, lookup, sort);
CREATE INDEX IF NOT EXISTS objects_sort ON objects (kind, sort, id);
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, vendor TEXT NOT NULL, operation TEXT NOT NULL,
    subject TEXT NOT NULL, amount INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ledger_subject ON ledger (vendor, subject);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, vendor TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, idempotency_key TEXT, replayed INTEGER NOT NULL, status INTEGER NOT NULL,
    fault TEXT);
CREATE TABLE IF NOT EXISTS idempotency (
    vendor TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (vendor, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS due_at ON due (at);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, vendor TEXT NOT NULL, event TEXT NOT NULL, topic TEXT NOT NULL,
    body TEXT NOT NULL, created REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL, delivered_at REAL, last_error TEXT);
CREATE INDEX IF NOT EXISTS deliveries_next ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY, doc TEXT NOT NULL);
"""

LOCK_TIMEOUT_S: Final = 5.0  # a predecessor may still be ending

Json = dict[str, Any]


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + secrets.token_hex(length // 2)


class Tx:
    """One open transaction: objects, the ledger, what is due and what is to be told."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self.db = connection
        self.clock = clock
        self.now = clock.now()

    # -- the vendors' objects ---------------------------------------------------------------
    def get(self, kind: str, key: str) -> Json | None:
        row = self.db.execute("SELECT doc FROM objects WHERE kind=? AND id=?", (kind, key))
        found = row.fetchone()
        return None if found is None else json.loads(found[0])

    def put(self, kind: str, doc: Json, *, lookup: str | None = None, sort: str = "") -> None:
        """Store `doc` under its own id; `sort` defaults to the time of this transaction."""
        self.db.execute(
            "INSERT INTO objects (kind, id, lookup, sort, doc) VALUES (?,?,?,?,?)"
            " ON CONFLICT (kind, id) DO UPDATE SET doc=excluded.doc,"
            " lookup=coalesce(excluded.lookup, lookup),"
            " sort=CASE ? WHEN '' THEN sort ELSE excluded.sort END",
            (kind, doc["id"], lookup, sort or f"{self.now:017.6f}", json.dumps(doc), sort),
        )

    def find(self, kind: str, lookup: str) -> list[Json]:
        rows = self.db.execute(
            "SELECT doc FROM objects WHERE kind=? AND lookup=? ORDER BY sort, id", (kind, lookup)
        )
        return [json.loads(row[0]) for row in rows]

    def page(self, kind: str, *, after: tuple[str, str] = ("", ""), limit: int) -> list[Json]:
        """Objects oldest first, strictly after the (sort, id) given."""
        rows = self.db.execute(
            "SELECT doc FROM objects WHERE kind=? AND (sort, id) > (?, ?)"
            " ORDER BY sort, id LIMIT ?",
            (kind, *after, limit),
        )
        return [json.loads(row[0]) for row in rows]

    def newest(self, kind: str, *, before: str | None = None) -> Iterator[Json]:
        """Objects newest first, strictly before the object whose id is given."""
        bound = ("\uffff", "") if before is None else self._place(kind, before)
        rows = self.db.execute(
            "SELECT doc FROM objects WHERE kind=? AND (sort, id) < (?, ?)"
            " ORDER BY sort DESC, id DESC",
            (kind, *bound),
        )
        return (json.loads(row[0]) for row in rows)

    def _place(self, kind: str, key: str) -> tuple[str, str]:
        row = self.db.execute("SELECT sort, id FROM objects WHERE kind=? AND id=?", (kind, key))
        found = row.fetchone()
        return ("", "") if found is None else (found[0], found[1])

    @contextmanager
    def undone_on(self, fault: type[Exception]) -> Iterator[None]:
        """Take back what was written inside when it ends in `fault`, which still goes on up."""
        self.db.execute("SAVEPOINT attempt")
        try:
            yield
        except fault:
            self.db.execute("ROLLBACK TO attempt")
            raise
        finally:
            self.db.execute("RELEASE attempt")

    # -- what was done, what comes later, what is told ----------------------------------------
    def record(  # the ledger's columns are its meaning
        self, vendor: str, operation: str, subject: str, amount: int = 0, **detail: Any
    ) -> None:
        self.db.execute(
            "INSERT INTO ledger (at, vendor, operation, subject, amount, detail)"
            " VALUES (?,?,?,?,?,?)",
            (self.now, vendor, operation, subject, amount, json.dumps(detail)),
        )

    def schedule(self, kind: str, subject: str, *, after_s: float) -> None:
        """Something happens to `subject` after so many seconds of vendor time."""
        at = self.now + self.clock.real_s(after_s)
        self.db.execute("INSERT INTO due (at, kind, subject) VALUES (?,?,?)", (at, kind, subject))

    def emit(self, vendor: str, topic: str, event: str, body: str) -> None:
        """Queue a webhook; the courier signs each attempt."""
        self.db.execute(
            "INSERT INTO deliveries (vendor, event, topic, body, created, next_at)"
            " VALUES (?,?,?,?,?,?)",
            (vendor, event, topic, body, self.now, self.now),
        )


class Store:
    """Opens the file; a transaction never spans an await, so writers need no lock of ours."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._db = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=LOCK_TIMEOUT_S
        )
        self._db.row_factory = sqlite3.Row
        # Two sandboxes on one folder would tell every webhook twice: the second is refused.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        # NORMAL under WAL loses nothing when a process is killed, only when the machine is.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._clock = clock

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield Tx(self._db, self._clock)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite ends some failed transactions by itself
                self._db.execute("ROLLBACK")
            raise

    def rows(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[Mapping[str, Any]]:
        """A read outside any transaction."""
        return [dict(row) for row in self._db.execute(sql, arguments)]

    def close(self) -> None:
        self._db.close()
