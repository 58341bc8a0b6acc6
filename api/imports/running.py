"""Runs an import: batches of rows, each checked and written in one transaction, or all in one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.imports.kinds import IMPORTERS, Candidate, Importer, Kind
from api.imports.reading import Format, Row, Source, Unreadable, is_remark
from db.inbox import imports
from db.inbox.catalog import By, Fault
from db.inbox.imports import Counts, Rejected, Wish

# Large enough to be one statement for many, small enough that nobody waits for its locks.
BATCH: Final = 1_000


@dataclass(frozen=True)
class Asked:
    kind: Kind
    format: Format
    by: By
    all_or_nothing: bool = False


class _NotAll(Exception):
    """Some rows were rejected, and all or nothing was asked for."""


@dataclass
class _Run:
    engine: AsyncEngine
    asked: Asked
    source: Source
    import_id: str
    importer: Importer
    counts: Counts = field(default_factory=Counts)
    # In which row each key came first, of those that were taken.
    taken: dict[tuple[Any, ...], int] = field(default_factory=dict)

    async def batch(self, tx: AsyncConnection, rows: list[Row]) -> list[Rejected]:
        """Take what is good; return the rest."""
        keys = self.importer.keys
        candidates = [_candidate(each, keys) for each in rows]
        fresh = []
        firsts: dict[tuple[Any, ...], int] = {}
        for each in candidates:
            key = tuple(repr(each.said.get(name)) for name in keys)
            first = self.taken.get(key) or firsts.get(key)
            if first is not None and not each.faults:
                why = f"the same {' and '.join(keys)} as row {first}"
                each.faults.append(Fault(keys[0], why))
            elif not each.faults:
                firsts[key] = each.row
                fresh.append(each)
        done = await self.importer.take(tx, fresh, self.asked.by)
        taken = {each.row for each in fresh if not each.faults}
        self.taken |= {key: row for key, row in firsts.items() if row in taken}
        rejected = [Rejected(c.row, c.sent, tuple(c.faults)) for c in candidates if c.faults]
        done.rejected = len(rejected)
        self.counts.add(done)
        await imports.count(tx, self.import_id, done)
        return rejected

    async def by_batches(self) -> None:
        for rows in batches(self.source.rows()):
            async with self.engine.begin() as tx:
                await imports.reject(tx, self.import_id, await self.batch(tx, rows))

    async def as_one(self) -> None:
        """Rejects are kept by themselves, so that they survive. Raises: _NotAll."""
        async with self.engine.begin() as tx:
            for rows in batches(self.source.rows()):
                rejected = await self.batch(tx, rows)
                async with self.engine.begin() as apart:
                    await imports.reject(apart, self.import_id, rejected)
            if self.counts.rejected:
                raise _NotAll


async def run_import(engine: AsyncEngine, file: IO[bytes], asked: Asked) -> str:
    """Import a seekable file; return the import's id.

    Raises: Unreadable when the file as a whole cannot be taken; nothing was written then.
    """
    importer = IMPORTERS[asked.kind]
    source = Source(file, asked.format, importer.columns)
    columns = [name for name in source.header if not is_remark(name)]
    wish = Wish(asked.kind, asked.format, columns, asked.all_or_nothing)
    async with engine.begin() as tx:
        import_id = await imports.begin(tx, wish, asked.by)
    run = _Run(engine, asked, source, import_id, importer)
    refusal = None
    try:
        await (run.as_one() if asked.all_or_nothing else run.by_batches())
    except _NotAll:
        refusal = f"{run.counts.rejected} of {run.counts.rows} rows are faulty; none was taken"
        run.counts = Counts(rejected=run.counts.rejected)
    async with engine.begin() as tx:
        if refusal is not None:
            await imports.count(tx, import_id, run.counts)
        await imports.end(tx, import_id, asked.by, run.counts, refusal)
    return import_id


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _candidate(row: Row, keys: tuple[str, ...]) -> Candidate:
    """With its keys as they will be written, without space at their ends."""
    said = dict(row.entry or {})
    for key in keys:
        if isinstance(said.get(key), str):
            said[key] = said[key].strip()
    return Candidate(row.number, row.sent, said, list(row.faults))


__all__ = ["Asked", "Unreadable", "run_import"]
