"""Statements are counted by PostgreSQL itself, processor time with all who stem from a process."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psycopg

from workers.local.bench.cpu import cpu_ms, spent
from workers.local.bench.statements import SETTINGS, StatementCounter, Statements
from workers.local.postgres import PostgresServer


async def test_only_the_products_statements_count(tmp_path: Path) -> None:
    async with PostgresServer(tmp_path, durable=False, more_settings=SETTINGS) as server:
        counter = StatementCounter(server.superuser_dsn)
        await counter.prepare()
        await counter.reset()
        async with await psycopg.AsyncConnection.connect(server.dsn) as connection:
            for _ in range(3):
                await connection.execute("SELECT 1 AS one")
            await connection.commit()
            await connection.execute("SELECT 2 + 3 AS two")
        async with await psycopg.AsyncConnection.connect(server.superuser_dsn) as connection:
            await connection.execute("SELECT 3 AS three")
        found = await counter.read()
        assert found == Statements({"SELECT $1 AS one": 3, "SELECT $1 + $2 AS two": 1}, 2)
        await counter.reset()
        assert (await counter.read()).calls == 0


def test_counts_add_up() -> None:
    together = Statements({"a": 1, "b": 5}, 2) + Statements({"a": 2}, 3)
    assert together == Statements({"a": 3, "b": 5}, 5)
    assert together.calls == 8
    assert together.most(1) == [("b", 5)]


async def test_a_childs_time_counts_while_it_runs_and_after_it_ended() -> None:
    roots = {"us": os.getpid()}
    before = cpu_ms(roots)
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    await child.stdout.readline()
    running = spent(before, cpu_ms(roots))["us"]
    await child.communicate(b"\n")
    ended = spent(before, cpu_ms(roots))["us"]
    assert 280 <= running <= ended
