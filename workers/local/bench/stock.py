"""Measures reservations in batches against a bare guarded update of one row, side by side."""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, repeat
from pathlib import Path
from statistics import mean, median
from typing import Final

import psycopg
from rich.console import Console
from rich.table import Table

from activities.reserving import Reservations, Reserve
from db.engine import make_engine
from db.migrate import migrate
from workers.local.bench.stock_world import BUYERS_A_UNIT, HOT, POOL, SCARCE, World, spread
from workers.local.demo.report import percentile_ms
from workers.local.postgres import PostgresServer

HOUR_S: Final = 3_600.0
# A bare request takes longer: a round of them is shorter, lest it outweigh the others.
BARE_SHARE: Final = 8
GOODS: Final = ("spread", "hot")
# Nothing but the row: no order, no reservation, no ledger, and straight through the driver.
_BARE: Final = """
UPDATE bare_levels SET open_demand = open_demand + 1
WHERE pool = %s AND sku = %s AND on_hand - reserved - open_demand - safety_stock >= 1
"""

Ask = Callable[[int], Awaitable[bool]]  # the caller's number; whether a unit was granted


@dataclass
class Figures:
    """Of one way to ask, over all rounds."""

    rates: list[float] = field(default_factory=list)  # granted a second, by round
    waits_s: list[float] = field(default_factory=list)
    granted: int = 0

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def p99_ms(self) -> float:
        return percentile_ms(self.waits_s, 99)

    def add(self, one: "Figures") -> None:
        self.rates += one.rates
        self.waits_s += one.waits_s
        self.granted += one.granted


@dataclass(frozen=True)
class Wish:
    callers: int
    requests: int  # of each way, a round
    rounds: int


@dataclass(frozen=True)
class Report:
    """Ways are named for the goods; `bare_` has a transaction a request, `single_` one statement
    without any, which is its own transaction: the least that a database can be asked for."""

    wish: Wish
    figures: dict[str, Figures]
    batch_sizes: dict[str, float]
    oversold: int
    unsold: int  # left over although somebody was refused

    @property
    def is_exact(self) -> bool:
        return self.oversold == 0 and self.unsold == 0

    def ratio(self, goods: str, against: str = "bare") -> float:
        return self.figures[goods].rate / self.figures[f"{against}_{goods}"].rate

    def document(self) -> dict[str, float]:
        return {
            "spread_ratio": round(self.ratio("spread"), 2),
            "hot_ratio": round(self.ratio("hot"), 2),
            "spread_p99_ms": self.figures["spread"].p99_ms,
            "hot_p99_ms": self.figures["hot"].p99_ms,
            "oversold": self.oversold,
            "unsold": self.unsold,
            "callers": self.wish.callers,
            "spread_ratio_to_single": round(self.ratio("spread", "single"), 2),
            "hot_ratio_to_single": round(self.ratio("hot", "single"), 2),
            **{f"{name}_per_s": round(each.rate) for name, each in self.figures.items()},
            **{f"{name}_batch": round(size, 1) for name, size in self.batch_sizes.items()},
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.document(), indent=2) + "\n", encoding="utf-8")

    def table(self) -> Table:
        title = f"{self.wish.callers} callers, {self.oversold} oversold, {self.unsold} unsold"
        table = Table(title=title, title_justify="left")
        table.add_column("goods")
        table.add_column("way")
        for name in ("a second", "p99 ms", "we are faster"):
            table.add_column(name, justify="right")
        for goods in GOODS:
            ours, size = self.figures[goods], self.batch_sizes[goods]
            way = f"reservations, {size:.0f} together"
            table.add_row(goods, way, f"{ours.rate:,.0f}", f"{ours.p99_ms:.1f}", "")
            for against, text in (("bare", "bare, a transaction"),
                                  ("single", "bare, one statement")):  # fmt: skip
                bare = self.figures[f"{against}_{goods}"]
                times = f"{self.ratio(goods, against):.1f} times"
                table.add_row("", text, f"{bare.rate:,.0f}", f"{bare.p99_ms:.1f}", times)
        return table


async def measure(wish: Wish, console: Console) -> Report:
    """Alternate the ways, so that whatever else the machine does meets all of them."""
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as folder:
        async with PostgresServer(Path(folder), scratch=True) as server:
            console.print("preparing 10,000 goods")
            await asyncio.to_thread(migrate, server.url, "cli:bench")
            engine = make_engine(server.url)
            try:
                world = World(engine)
                await world.stock(wish.requests // BUYERS_A_UNIT)
                return await _Bench(world, wish, server.dsn).run(console)
            finally:
                await engine.dispose()


class _Bench:
    def __init__(self, world: World, wish: Wish, dsn: str) -> None:
        self._world = world
        self._wish = wish
        self._fewer = replace(wish, requests=max(wish.requests // BARE_SHARE, wish.callers))
        self._dsn = dsn
        self._sizes: list[int] = []
        self._reservations = Reservations(world.engine, self._sizes.append)
        self._bare: list[psycopg.AsyncConnection] = []

    async def run(self, console: Console) -> Report:
        figures: dict[str, Figures] = {}
        sizes: dict[str, list[int]] = {goods: [] for goods in GOODS}
        for _ in range(self._wish.callers):
            self._bare.append(await psycopg.AsyncConnection.connect(self._dsn, autocommit=True))
        try:
            for number in range(self._wish.rounds + 1):
                console.print(f"round {number} of {self._wish.rounds}")
                for goods in GOODS:
                    found = await self._all_ways(goods)
                    if number == 0:  # it warms up
                        continue
                    sizes[goods] += self._sizes
                    for name, one in found.items():
                        figures.setdefault(name, Figures()).add(one)
                await self._world.tidy()
            scarce = await _round(await self._reservation(repeat(SCARCE)), self._wish)
        finally:
            for connection in self._bare:
                await connection.close()
        return Report(
            self._wish,
            figures,
            {goods: mean(sizes[goods]) for goods in GOODS},
            oversold=await self._world.beyond_stock(),
            unsold=self._wish.requests // BUYERS_A_UNIT - scarce.granted,
        )

    async def _all_ways(self, goods: str) -> dict[str, Figures]:
        self._sizes.clear()
        return {
            f"bare_{goods}": await _round(self._transaction(self._goods(goods)), self._fewer),
            f"single_{goods}": await _round(self._statement(self._goods(goods)), self._fewer),
            goods: await _round(await self._reservation(self._goods(goods)), self._wish),
        }

    def _goods(self, goods: str) -> Iterator[str]:
        return spread() if goods == "spread" else repeat(HOT)

    def _transaction(self, goods: Iterator[str]) -> Ask:
        async def ask(caller: int) -> bool:
            connection = self._bare[caller]
            async with connection.transaction():
                done = await connection.execute(_BARE, (POOL, next(goods)))
            return done.rowcount == 1

        return ask

    def _statement(self, goods: Iterator[str]) -> Ask:
        async def ask(caller: int) -> bool:
            done = await self._bare[caller].execute(_BARE, (POOL, next(goods)))
            return done.rowcount == 1

        return ask

    async def _reservation(self, goods: Iterator[str]) -> Ask:
        """As the orders' own step asks, for orders that were placed before."""
        orders = iter(await self._world.order(list(islice(goods, self._wish.requests))))

        async def ask(_: int) -> bool:
            asked = Reserve(next(orders), HOUR_S, HOUR_S)
            return not (await self._reservations.make(asked)).short

        return ask


async def _round(ask: Ask, wish: Wish) -> Figures:
    """Each caller asks again as soon as it is answered, until all was asked."""
    figures, left = Figures(), iter(range(wish.requests))

    async def call(number: int) -> None:
        for _ in left:
            began = time.perf_counter()
            is_granted = await ask(number)
            figures.waits_s.append(time.perf_counter() - began)
            figures.granted += is_granted

    began = time.perf_counter()
    await asyncio.gather(*(call(number) for number in range(wish.callers)))
    figures.rates.append(wish.requests / (time.perf_counter() - began))
    return figures
