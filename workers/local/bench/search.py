"""Measures how fast orders are found: a scratch database, and each kind of query many times.

Each run is what `GET /orders` does between its parameters and its answer, without HTTP: a
connection of the pool, the text looked up, a page of 50 with axes and next step.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.migrate import migrate
from db.queries.orders import list_orders
from workers.local.bench.fill import fill
from workers.local.bench.wishes import KINDS, Sample, Wish, sample
from workers.local.demo.report import percentile_ms
from workers.local.postgres import PostgresServer

PAGE: Final = 50
SEED: Final = 1


@dataclass(frozen=True)
class Figures:
    orders: int
    seconds: dict[str, list[float]]  # by kind
    found: dict[str, int]  # rows of all its pages

    def as_dict(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            **_percentiles([each for some in self.seconds.values() for each in some]),
            "queries": {
                kind: {**_percentiles(some), "count": len(some)}
                for kind, some in self.seconds.items()
            },
        }

    def table(self) -> Table:
        shown = self.as_dict()
        table = Table(title=f"{self.orders:,} orders")
        for column in ("query", "p50 ms", "p95 ms", "runs", "found"):
            table.add_column(column, justify="left" if column == "query" else "right")
        for kind, each in shown["queries"].items():
            p50, p95 = f"{each['p50_ms']:.1f}", f"{each['p95_ms']:.1f}"
            table.add_row(kind, p50, p95, str(each["count"]), str(self.found[kind]))
        count = str(sum(len(some) for some in self.seconds.values()))
        table.add_row("all", f"{shown['p50_ms']:.1f}", f"{shown['p95_ms']:.1f}", count, "")
        return table

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{percent}_ms": percentile_ms(seconds, percent) for percent in (50, 95)}


async def run_search(orders: int, times: int, console: Console) -> Figures:
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as folder:
        async with PostgresServer(Path(folder), durable=False) as server:
            await asyncio.to_thread(migrate, server.url, "cli:bench")
            started = time.monotonic()

            def told(what: str) -> None:
                console.print(f"{time.monotonic() - started:6.0f} s  filling: {what}")

            await fill(server.superuser_dsn, orders, told)
            engine = make_engine(server.url, pool_size=2)
            try:
                return await _measure(engine, orders, times)
            finally:
                await engine.dispose()


async def _measure(engine: AsyncEngine, orders: int, times: int) -> Figures:
    dice = Random(SEED)  # noqa: S311 - draws what is looked for
    async with engine.connect() as connection:
        drawn = await sample(connection, times)
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    found = dict.fromkeys(KINDS, 0)
    # In turns, so that what else the machine does meets every kind alike; the first turn warms up.
    for turn in range(times + 1):
        for kind, make in KINDS.items():
            took, count = await _run(engine, make(_one(drawn, dice), dice))
            if turn:
                seconds[kind].append(took)
                found[kind] += count
    return Figures(orders, seconds, found)


def _one(drawn: Sequence[Sample], dice: Random) -> Sample:
    return dice.choice(drawn)


async def _run(engine: AsyncEngine, wish: Wish) -> tuple[float, int]:
    began = time.perf_counter()
    async with engine.connect() as connection:
        page = await list_orders(
            connection, wish.filter, text=wish.text, after=wish.after, limit=PAGE + 1
        )
    return time.perf_counter() - began, len(page.orders)
