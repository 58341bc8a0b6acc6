"""A loop outlives what keeps it from its table."""

import asyncio

import pytest
from sqlalchemy.exc import ProgrammingError

from db.engine import make_engine, row, run
from workers import loop
from workers.loop import TableLoop

PATIENCE_S = 30.0


class Looking(TableLoop):
    looked = 0

    async def work_once(self) -> int:
        async with self._engine.connect() as connection:
            await row(connection, "SELECT 1")
        self.looked += 1
        return 0


async def test_a_loop_that_gets_no_connection_tries_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "AFTER_FAILURE_S", 0.05)
    engine = make_engine(database_url, pool_size=2, pool_wait_s=0.1)
    looking, stop, turns = Looking(engine, "inbox"), asyncio.Event(), asyncio.Semaphore(0)
    looking.turned = turns.release
    async with engine.connect(), engine.connect():  # all there are
        running = asyncio.create_task(looking.run(stop))
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(3):
                await turns.acquire()
    assert looking.looked == 0
    async with asyncio.timeout(PATIENCE_S):
        while not looking.looked:
            await turns.acquire()
        stop.set()
        await running
    await engine.dispose()


class Writing(TableLoop):
    statements: tuple[str, ...] = ()

    async def work_once(self) -> int:
        async with self._engine.begin() as tx:
            for statement in self.statements:
                await run(tx, statement)
        return 0


async def test_a_loop_waits_for_the_writer_where_it_may_only_read(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is for a moment when another server takes over."""
    monkeypatch.setattr(loop, "AFTER_FAILURE_S", 0.05)
    engine = make_engine(database_url, pool_size=2)
    writing, stop, turns = Writing(engine, "inbox"), asyncio.Event(), asyncio.Semaphore(0)
    writing.statements = ("SET TRANSACTION READ ONLY", "UPDATE pools SET pool = pool")
    writing.turned = turns.release
    running = asyncio.create_task(writing.run(stop))
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(3):
            await turns.acquire()
        stop.set()
        await running
    await engine.dispose()


async def test_a_loop_whose_statement_is_wrong_ends_and_says_so(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=2)
    writing = Writing(engine, "inbox")
    writing.statements = ("UPDATE nothing_is_called_so SET n = 1",)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ProgrammingError):
            await writing.run(asyncio.Event())
    await engine.dispose()
