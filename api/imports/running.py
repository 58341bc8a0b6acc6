"""Runs an import: batches of rows, each checked and written in one transaction, or all in one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.imports.kinds import IMPORTERS, Candidate, Importer, Importing, Kind, StockAtOnce
from api.imports.reading import Format, Row, Source, Unreadable, is_remark
from db.inbox import imports
from db.inbox.catalog import By, Fault
from db.inbox.imports import DONE, Counts, End, Rejected, Wish

log = logging.getLogger(__name__)
# Large enough to be one statement for many, small enough that nobody waits for its locks.
BATCH: Final = 1_000


@dataclass(frozen=True)
class Asked:
    """`file` is how it is called, where it has a name."""

    kind: Kind
    format: Format
    by: By
    all_or_nothing: bool = False
    file: str | None = None


@dataclass
class _NotAll(Exception):
    """Some rows were rejected, and all or nothing was asked for."""

    rejected: Sequence[Rejected]


@dataclass
class _Run:
    engine: AsyncEngine
    asked: Asked
    source: Source
    importer: Importer
    by: Importing
    # What was written, and how many rows were looked at.
    counts: Counts = field(default_factory=Counts)
    rows: int = 0
    # In which row each key came first, of those that were taken.
    taken: dict[tuple[str, ...], int] = field(default_factory=dict)

    async def import_all(self) -> None:
        """Raises: _NotAll."""
        if not self.asked.all_or_nothing:
            await self._by_batches()
        elif self.asked.kind == "stock":
            while not await self._judged_first():
                self.rows, self.taken = 0, {}
        else:
            await self._as_one()

    async def _by_batches(self) -> None:
        async for rows in batches(self.source):
            async with self.engine.begin() as tx:
                done, rejected = await self._take(tx, rows)
                await imports.count(tx, self.by.import_id, done)
                await imports.reject(tx, self.by.import_id, rejected)
            self.counts.add(done)

    async def _as_one(self) -> None:
        """Raises: _NotAll."""
        counts, rejected = Counts(), list[Rejected]()
        async with self.engine.begin() as tx:
            async for rows in batches(self.source):
                done, bad = await self._take(tx, rows)
                counts.add(done)
                rejected += bad
            if rejected:
                raise _NotAll(rejected)
            await imports.count(tx, self.by.import_id, counts)
        self.counts = counts

    async def _judged_first(self) -> bool:
        """Whether all was written: what was judged may have changed since. Raises: _NotAll."""
        self.importer = stock = StockAtOnce()
        rejected: list[Rejected] = []
        async for rows in batches(self.source):
            async with self.engine.begin() as tx:
                rejected += (await self._take(tx, rows))[1]
        if rejected:
            raise _NotAll(rejected)
        async with self.engine.begin() as tx:
            done = await stock.receive(tx, self.by)
            if done is not None:
                await imports.count(tx, self.by.import_id, done)
        self.counts = done or Counts()
        return done is not None

    async def _take(
        self, tx: AsyncConnection, rows: Sequence[Row]
    ) -> tuple[Counts, list[Rejected]]:
        """Take what is good; return what it came to, and the rest."""
        candidates = [_candidate(each, self.importer.keys) for each in rows]
        await self.importer.judge(tx, [each for each in candidates if not each.faults])
        waiting = [each for each in candidates if not each.faults]
        done = Counts()
        while waiting:
            firsts, waiting = self._firsts(waiting)
            if firsts:
                done.add(await self.importer.take(tx, firsts, self.by))
            self.taken |= {self._key(each): each.row for each in firsts if not each.faults}
        rejected = [Rejected(c.row, c.sent, tuple(c.faults)) for c in candidates if c.faults]
        done.rejected = len(rejected)
        self.rows += len(rows)
        return done, rejected

    def _firsts(self, waiting: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
        """Of those with the same keys one is taken: the others wait for what becomes of the first.

        When it was not taken, another may be.
        """
        firsts: dict[tuple[str, ...], Candidate] = {}
        others = []
        for each in waiting:
            key = self._key(each)
            if key in self.taken:
                same = " and ".join(self.importer.keys)
                why = f"the same {same} as row {self.taken[key]}"
                each.faults.append(Fault(self.importer.keys[0], why))
            elif key in firsts:
                others.append(each)
            else:
                firsts[key] = each
        return list(firsts.values()), others

    def _key(self, candidate: Candidate) -> tuple[str, ...]:
        return tuple(candidate.entry[name] for name in self.importer.keys)

    async def end(self, rejected: Sequence[Rejected], outcome: End) -> None:
        """`rejected` are those that are not written yet."""
        async with self.engine.begin() as tx:
            if rejected:
                await imports.count(tx, self.by.import_id, self.counts)
            for start in range(0, len(rejected), BATCH):
                await imports.reject(tx, self.by.import_id, rejected[start : start + BATCH])
            await imports.end(tx, self.by.import_id, self.by, self.counts, outcome)


async def run_import(engine: AsyncEngine, file: IO[bytes], asked: Asked) -> str:
    """Import a seekable file; return the import's id.

    Raises: Unreadable when the file as a whole cannot be taken; nothing was written then.
    """
    importer = IMPORTERS[asked.kind]
    source = await asyncio.to_thread(Source, file, asked.format, importer.columns)
    columns = [name for name in source.header if not is_remark(name)]
    wish = Wish(asked.kind, asked.format, columns, source.delimiter, asked.all_or_nothing)
    async with engine.begin() as tx:
        import_id = await imports.begin(tx, wish, asked.by, asked.file)
    by = Importing(asked.by.actor, asked.by.reason, import_id)
    run = _Run(engine, asked, source, importer, by)
    try:
        await _to_its_end(run)
    except (Exception, asyncio.CancelledError) as error:
        await _break_off(run, error)
        raise
    return import_id


async def _to_its_end(run: _Run) -> None:
    try:
        await run.import_all()
    except _NotAll as refusal:
        count = len(refusal.rejected)
        run.counts = Counts(rejected=count)
        why = f"{count} of {run.rows} rows are faulty; none was taken"
        await run.end(refusal.rejected, End("refused", why))
    else:
        await run.end((), DONE)


async def _break_off(run: _Run, error: BaseException) -> None:
    """What raised is the caller's to hear, whatever becomes of this."""
    again = "send the file again; what was taken already is not taken twice"
    why = f"it broke off ({type(error).__name__}): {again}"
    try:
        await run.end((), End("failed", why))
    except SQLAlchemyError as another:
        log.warning("import %s broke off unwritten: %s", run.by.import_id, type(another).__name__)


async def batches(source: Source) -> AsyncIterator[list[Row]]:
    """Read and parsed in a thread: nobody else waits meanwhile."""
    rows = source.rows()
    while batch := await asyncio.to_thread(_next, rows):
        yield batch


def _next(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, BATCH))


def _candidate(row: Row, keys: tuple[str, ...]) -> Candidate:
    """With its keys as they will be written, without space at their ends."""
    said = dict(row.entry or {})
    for key in keys:
        if isinstance(said.get(key), str):
            said[key] = said[key].strip()
    return Candidate(row.number, row.sent, said, list(row.faults))


__all__ = ["Asked", "Unreadable", "run_import"]
