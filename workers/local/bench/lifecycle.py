"""The cost of an order from placement to delivery, beside an empty twin of the same shape."""

import os
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from temporalio.client import Client

from workers.errors import UserError
from workers.local.bench.cpu import cpu_ms, machine_busy_ms, spent
from workers.local.bench.orders import Orders
from workers.local.bench.sampling import Sampled, Totals, sample, sample_orders, totals
from workers.local.bench.shop import CHANNEL, bench_setup, plain_order
from workers.local.bench.statements import SETTINGS, StatementCounter, Statements
from workers.local.bench.twins import Twins
from workers.local.blueprint import Plan as StackPlan
from workers.local.demo.run import run_command
from workers.local.stack import Stack

# A parcel then travels six seconds, and whoever hears nothing of it asks three seconds later.
TIME_FACTOR: Final = 30_000.0
# One at a time, before anything is timed: their histories say what a twin is to do.
SAMPLES: Final = 5
WORKER: Final = "workers.local.bench.worker"
PARTS: Final = ("api", "worker-1", "postgres", "temporal", "sandbox", "mail")
# What of the stack is ours; the sandbox plays the vendors, and mail the mail server.
OURS: Final = ("api", "worker-1")
LISTED: Final = 40


@dataclass(frozen=True)
class Wish:
    """What a person chose."""

    folder: Path
    orders: int
    rounds: int
    in_hand: int
    sandboxed: bool = False


@dataclass(frozen=True)
class Round:
    """One round of orders or twins; milliseconds of processors are those of one order."""

    per_s: float
    cpu_ms: Mapping[str, float]
    busy_share: float  # of all processors of the machine


@dataclass(frozen=True)
class Lifecycle:
    orders: int
    in_hand: int
    products: Sequence[Round]
    twins: Sequence[Round]
    one: Sampled
    twins_played: Sequence[Sampled]
    totals: Totals
    statements: Statements
    by_step: Mapping[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """The keys of the file."""
        counted = self.orders * len(self.products)
        ours = [sum(each.cpu_ms[part] for part in OURS) for each in self.products]
        return {
            "lifecycle_ratio": round(self.ratio, 3),
            "orders_per_s": round(median_of(self.products), 2),
            "twin_per_s": round(median_of(self.twins), 2),
            "events_per_order": round(self.totals.cost.events / counted, 1),
            "actions_per_order": round(self.totals.cost.actions / counted, 1),
            "sql_per_order": round(self.statements.calls / counted, 1),
            "cpu_ms_per_order": round(statistics.median(ours), 1),
        }

    @property
    def ratio(self) -> float:
        return median_of(self.products) / median_of(self.twins)

    def details(self) -> dict[str, Any]:
        counted = self.orders * len(self.products)
        return {
            "orders": self.orders,
            "rounds": len(self.products),
            "in_hand": self.in_hand,
            "orders_per_s_rounds": [round(each.per_s, 2) for each in self.products],
            "twin_per_s_rounds": [round(each.per_s, 2) for each in self.twins],
            "ratio_rounds": self.ratios(),
            "machine_busy_share": {
                "orders": _shares(self.products), "twins": _shares(self.twins)
            },
            "order_alone": {
                "events": self.one.cost.events,
                "actions": self.one.cost.actions,
                "events_by_kind": dict(self.one.events.most_common()),
                "steps_by_kind": dict(self.one.script.kinds().most_common()),
            },
            "twin_alone": {
                "events": statistics.mean(each.cost.events for each in self.twins_played),
                "actions": statistics.mean(each.cost.actions for each in self.twins_played),
            },
            "schedules": {
                "ticks": self.totals.ticks,
                "events_per_order": round(self.totals.of_ticks.events / counted, 2),
                "actions_per_order": round(self.totals.of_ticks.actions / counted, 2),
            },
            "transactions_per_order": round(self.statements.transactions / counted, 1),
            "sql_by_step": dict(self.by_step),
            "sql_most_often": [
                {"calls_per_order": round(calls / counted, 2), "statement": query}
                for query, calls in self.statements.most(LISTED)
            ],
            "cpu_ms_by_part": {
                "orders": _cpu_by_part(self.products), "twins": _cpu_by_part(self.twins)
            },
        }  # fmt: skip

    def ratios(self) -> list[float]:
        """Round by round: their spread says how far the machine was disturbed."""
        pairs = zip(self.products, self.twins, strict=True)
        return [round(product.per_s / twin.per_s, 3) for product, twin in pairs]


def median_of(rounds: Sequence[Round]) -> float:
    return statistics.median(each.per_s for each in rounds)


def rate(ended_at: Sequence[float]) -> float:
    """How many ended a second, without the first and the last tenth, when not all is under way."""
    ranked = sorted(ended_at)
    edge = len(ranked) // 10
    kept = ranked[edge : len(ranked) - edge]
    if len(kept) < 2 or kept[-1] == kept[0]:  # noqa: PLR2004 - one moment is no while
        raise UserError("too few orders to tell how many end a second")
    return (len(kept) - 1) / (kept[-1] - kept[0])


async def measure_lifecycle(wish: Wish, console: Console) -> Lifecycle:
    trace = wish.folder.absolute() / "steps.txt"
    plan = StackPlan(
        time_factor=TIME_FACTOR,
        worker=(WORKER, str(trace)),
        postgres_settings=SETTINGS,
        outside={"OMS_WORKFLOW_SANDBOX": str(wish.sandboxed).lower()},
        report=console.print,
    )
    async with Stack(wish.folder / "lifecycle", plan) as stack:
        await import_setup(stack)
        return await _Bench(stack, wish, console).measure(trace)


async def import_setup(stack: Stack) -> None:
    file = stack.data_dir / "setup.json"
    file.write_text(bench_setup().to_json(), encoding="utf-8")
    status, said = await run_command(stack, "import", str(file))
    if status:
        raise UserError(f"oms import: {said}")


class _Bench:
    def __init__(self, stack: Stack, wish: Wish, console: Console) -> None:
        assert stack.blueprint.postgres is not None
        self._stack = stack
        self._wish = wish
        self._console = console
        self._dsn = stack.blueprint.postgres.superuser_dsn
        self._counter = StatementCounter(self._dsn)

    async def measure(self, trace: Path) -> Lifecycle:
        client = await Client.connect(self._stack.temporal_address)
        await self._counter.prepare()
        by_step, one = await self._sample(client, trace)
        await self._stack.redeploy_workers((WORKER,))
        orders = Orders(self._stack, self._dsn, self._wish.in_hand)
        twins = Twins(client, one.script, self._wish.in_hand)
        warm = max(self._wish.orders // 10, 2)
        await orders.run(_documents("warm", warm))
        await twins.run(_names("warm", warm))
        products, played, sent, spans = [], [], Statements(), []
        for number in range(1, self._wish.rounds + 1):
            await self._counter.reset()
            began = _now()
            products.append(await self._round_of_orders(number, orders))
            spans.append((began, _now()))
            sent += await self._counter.read()
            played.append(await self._round_of_twins(number, twins))
        counted = Totals()
        for began, ended in spans:
            counted += await totals(client, began, ended)
        return Lifecycle(
            orders=self._wish.orders,
            in_hand=self._wish.in_hand,
            products=products,
            twins=played,
            one=one,
            twins_played=[
                await sample(client, name) for name in _names("r1", min(SAMPLES, self._wish.orders))
            ],
            totals=counted,
            statements=sent,
            by_step=by_step,
        )

    async def _round_of_orders(self, number: int, orders: Orders) -> Round:
        documents = _documents(f"r{number}", self._wish.orders)
        return await self._round(f"orders, round {number}", orders.run(documents))

    async def _round_of_twins(self, number: int, twins: Twins) -> Round:
        names = _names(f"r{number}", self._wish.orders)
        return await self._round(f"twins, round {number}", twins.run(names))

    async def _sample(self, client: Client, trace: Path) -> tuple[dict[str, float], Sampled]:
        """Live some orders one by one: which step sends how many statements, and their shape."""
        await self._counter.reset()
        before = _lines(trace)
        documents = _documents("sample", SAMPLES)
        await Orders(self._stack, self._dsn, in_hand=1).run(documents)
        all_sent = (await self._counter.read()).calls
        steps = Counter(_lines(trace)[len(before) :])
        by_step = {name: round(calls / SAMPLES, 1) for name, calls in steps.most_common()}
        by_step["API"] = round((all_sent - steps.total()) / SAMPLES, 1)
        ids = [f"{CHANNEL}-{document['external_id']}" for document in documents]
        return by_step, await sample_orders(client, ids)

    async def _round(self, title: str, living: Awaitable[list[float]]) -> Round:
        roots = self._roots()
        before, busy_before, own = cpu_ms(roots), machine_busy_ms(), time.process_time()
        began = time.monotonic()
        ended_at = await living
        took_ms = (time.monotonic() - began) * 1000
        used = spent(before, cpu_ms(roots))
        used["bench"] = (time.process_time() - own) * 1000
        found = Round(
            per_s=rate(ended_at),
            cpu_ms={part: ms / len(ended_at) for part, ms in used.items()},
            busy_share=(machine_busy_ms() - busy_before) / took_ms / (os.cpu_count() or 1),
        )
        self._console.print(
            f"{title}: {found.per_s:.2f} a second, machine {found.busy_share:.0%} busy"
        )
        return found

    def _roots(self) -> dict[str, int]:
        running = {part: self._stack.folder.running(part) for part in PARTS}
        return {part: who.pid for part, who in running.items() if who}


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _documents(prefix: str, count: int) -> list[dict[str, Any]]:
    return [plain_order(f"{prefix}-{number}", number) for number in range(count)]


def _names(prefix: str, count: int) -> list[str]:
    return [f"twin-{prefix}-{number}" for number in range(count)]


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - to be compared with Temporal's own clock


def _shares(rounds: Sequence[Round]) -> list[float]:
    return [round(each.busy_share, 2) for each in rounds]


def _cpu_by_part(rounds: Sequence[Round]) -> dict[str, float]:
    return {
        part: round(statistics.median(each.cpu_ms[part] for each in rounds), 1)
        for part in rounds[0].cpu_ms
    }
