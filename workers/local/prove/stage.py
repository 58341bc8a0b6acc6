"""The stage of all scenarios: one running stack, who speaks to it, and what came of its orders."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Self, TypeVar

import httpx
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from temporalio.client import Client

from db.engine import rows, run
from workers.errors import UserError
from workers.local.demo.client import ApiClient
from workers.local.demo.course import Course
from workers.local.demo.driver import Driver
from workers.local.demo.plan import Plan, PlannedOrder, Setup
from workers.local.demo.run import find_violations, run_command, settle
from workers.local.demo.vendors import Vendors
from workers.local.demo.warehouse import Warehouse
from workers.local.stack import Stack

T = TypeVar("T")
POLL_S: Final = 0.1
RESTARTED_WITHIN_S: Final = 30.0
# The first orders meet a killed worker at every step; each such step waits for its timeout, 10 s.
PATIENCE_S: Final = 300.0
# Half a minute of asking: whatever was killed is back by then.
ATTEMPTS: Final = 16
# How often the shop places again what nobody answered.
PLACINGS: Final = 5


@dataclass(frozen=True)
class Size:
    """How much of everything: orders of a mix, buyers of a race, seconds of an outage.

    `delay_s` is how long a slow vendor takes for one answer.
    """

    shipped: int
    mix: int
    buyers: int
    hot_units: int
    hot_buyers: int
    lost: int
    outage_s: float
    delay_s: float
    told_within_s: float
    kills: int
    workers: int = 2


@dataclass
class Outcome:
    """What one scenario did and found; `violations` are sentences."""

    orders: int = 0
    faults: int = 0
    violations: list[str] = field(default_factory=list)


class Stage:
    def __init__(self, stack: Stack, setup: Setup, size: Size, seed: int, points: Path) -> None:
        self.stack = stack
        self.points = points
        self.setup = setup
        self.size = size
        self.dice = Random(seed)  # noqa: S311 - repeatable, not secret
        self.orders: list[PlannedOrder] = []
        self.ends: dict[str, str] = {}
        self.left_alone: set[str] = set()  # by every warehouse
        self.api: ApiClient
        self.vendors: Vendors
        self.sandbox: httpx.AsyncClient
        self.engine: AsyncEngine
        self.temporal: Client
        self._opened = AsyncExitStack()
        self._told: set[str] = set()

    async def __aenter__(self) -> Self:
        enter = self._opened.enter_async_context
        self.api = await enter(ApiClient(self.stack.api_url, self.stack.api_key, attempts=ATTEMPTS))
        self.vendors = await enter(Vendors(self.stack.sandbox_url))
        # Sandbox and database are killed now and then: no connection outlives its statement.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self.sandbox = await enter(httpx.AsyncClient(base_url=self.stack.sandbox_url, limits=fresh))
        self.engine = create_async_engine(self.stack.database_url, poolclass=NullPool)
        self._opened.push_async_callback(self.engine.dispose)
        self.temporal = await Client.connect(self.stack.temporal_address)
        await self._import()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def _import(self) -> None:
        file = self.points / "setup.json"
        file.write_text(self.setup.to_json(), encoding="utf-8")
        await self.command("import", str(file))

    # -- orders

    async def drive(self, orders: Sequence[PlannedOrder]) -> list[str]:
        """Place orders, work the warehouse, follow each to its end; what was not as expected."""
        course = Course(Plan(self.setup, tuple(orders)))
        async with self.warehouse(orders):
            for _ in range(PLACINGS):
                await self._place(course, orders)
                if len(course.placed) == len(orders):
                    break
        self.orders += orders
        self.ends |= course.ends
        unexpected = course.unexpected()
        return unexpected + course.notes if unexpected else []

    async def follow(self, orders: Sequence[PlannedOrder]) -> list[str]:
        """Work the warehouse for orders that are placed already; what did not end as expected."""
        async with self.warehouse(orders):
            await self._await_ends([order.order_id for order in orders])
        return [
            f"{order.order_id} is {self.ends[order.order_id]}"
            for order in orders
            if self.ends[order.order_id] not in order.expected
        ]

    async def _await_ends(self, order_ids: list[str]) -> None:
        """Look for all of them at once: hundreds of questions would be a load of their own."""

        async def all_have_ended() -> bool:
            found = await self.rows(
                "SELECT order_id, outcome FROM orders"
                " WHERE order_id = ANY(CAST(:ids AS text[])) AND outcome IS NOT NULL",
                ids=order_ids,
            )
            self.ends |= {order.order_id: order.outcome for order in found}
            return len(found) == len(set(order_ids))

        await self.until(all_have_ended)

    @asynccontextmanager
    async def warehouse(self, orders: Sequence[PlannedOrder]) -> AsyncIterator[None]:
        """Work while the context lasts; what is to be called off is left alone."""
        self.left_alone |= {order.order_id for order in orders if order.to_be_cancelled}
        working = asyncio.create_task(Warehouse(self.api, self.left_alone).work())
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    @contextmanager
    def kept_aside(self, *orders: PlannedOrder) -> Iterator[None]:
        """No warehouse works on the orders while the context lasts; what is called off, never."""
        self.left_alone |= {order.order_id for order in orders}
        try:
            yield
        finally:
            self.left_alone -= {order.order_id for order in orders if not order.to_be_cancelled}

    async def _place(self, course: Course, orders: Sequence[PlannedOrder]) -> None:
        """A shop places again what was not answered; the same order again is the same order."""
        missing = tuple(order for order in orders if order.order_id not in course.placed)
        course.plan, whole = Plan(self.setup, missing), course.plan
        course.placing_is_over = False
        await Driver(course, self.api, self.vendors, PATIENCE_S).run()
        course.plan = whole

    async def judge(self) -> list[str]:
        """What is wrong now: by the vendors' ledgers and the plan, then by our own audit."""
        course = Course(Plan(self.setup, tuple(self.orders)), ends=dict(self.ends))
        judgement = await settle(course, self.vendors)
        found = [*judgement.details, *await find_violations(self.stack)]
        new = [each for each in found if each not in self._told]
        self._told.update(new)
        return new

    # -- breaking things

    async def fault(self, kind: str, **about: Any) -> None:
        got = await self.sandbox.post("/_/faults", json={"kind": kind, **about})
        got.raise_for_status()

    async def open_faults(self) -> int:
        """How many faults of the sandbox are still to come."""
        return sum(each["times"] for each in (await self.sandbox.get("/_/faults")).json())

    async def clear_faults(self) -> None:
        (await self.sandbox.delete("/_/faults")).raise_for_status()

    # -- looking and acting

    async def command(self, *words: str) -> str:
        """Raises: UserError when the command fails."""
        status, said = await run_command(self.stack, *words)
        if status:
            raise UserError(f"oms {' '.join(words)}: {said}")
        return said

    async def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """Read, once the database answers."""
        deadline = time.monotonic() + RESTARTED_WITHIN_S
        while True:
            try:
                async with self.engine.connect() as tx:
                    return await rows(tx, statement, **values)
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(POLL_S)

    async def execute(self, statement: str, **values: Any) -> int:
        async with self.engine.begin() as tx:
            return await run(tx, statement, **values)

    async def until(self, probe: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
        """Poll until `probe` answers something true. Raises: UserError when it never does.

        A probe that nobody answers (something was killed just now) is asked again.
        """
        deadline = time.monotonic() + patience_s
        while True:
            why = ""
            try:
                if found := await probe():
                    return found
            except UserError as unanswered:
                why = f": {unanswered}"
            if time.monotonic() > deadline:
                raise UserError(f"waited {patience_s:.0f} s in vain for {probe.__name__}{why}")
            await asyncio.sleep(POLL_S)

    async def place(self, order: PlannedOrder) -> tuple[int, dict[str, Any]]:
        """Place one order and remember it; its end is the scenario's to find out."""
        answer = await self.api.place(order.document)
        self.orders.append(order)
        return answer.status, answer.body

    async def work(self, order: PlannedOrder, *steps: str) -> None:
        """Have every part of one order picked, or picked and packed."""
        for part in await self.parts(order):
            lines = [{"line_no": no, "quantity": units} for no, units in part.lines]
            for step in steps:
                await self.until(self._reported(part.fulfillment_id, step, lines))

    async def resolve(self, order: PlannedOrder, decision: dict[str, str]) -> None:
        """Decide about what the order waits for, until the decision counts."""
        await self.decide(await self.exception_of(order), decision)

    async def decide(self, exception_id: str, decision: dict[str, str]) -> None:
        async def decided() -> bool:
            """An exception's row, too, is there a moment before its run waits."""
            await self.api.send("POST", f"/exceptions/{exception_id}/resolve", decision)
            found = await self.rows(
                "SELECT 1 FROM exceptions WHERE exception_id = :x AND state = 'resolved'",
                x=exception_id,
            )
            return bool(found)

        await self.until(decided)

    def _reported(
        self, name: str, step: str, lines: list[dict[str, Any]]
    ) -> Callable[[], Awaitable[bool]]:
        async def reported() -> bool:
            """A part's row is there a moment before its run."""
            return httpx.codes.is_success((await self.api.report(name, step, lines)).status)

        return reported

    async def parts(self, order: PlannedOrder) -> Sequence[Any]:
        """The order's fulfillment orders, once it is routed."""

        async def routed() -> Sequence[Any]:
            return await self.rows(
                """
                SELECT f.fulfillment_id, f.state, (SELECT array_agg(ARRAY[line_no, quantity])
                    FROM fulfillment_lines l WHERE l.fulfillment_id = f.fulfillment_id) AS lines
                FROM fulfillments f WHERE order_id = :order_id ORDER BY number
                """,
                order_id=order.order_id,
            )

        return await self.until(routed)

    async def exception_of(self, order: PlannedOrder) -> str:
        """The exception in which the order waits for a person."""

        async def asked() -> Sequence[Any]:
            return await self.rows(
                "SELECT exception_id FROM exceptions WHERE order_id = :o AND state = 'open'",
                o=order.order_id,
            )

        return str((await self.until(asked))[0].exception_id)

    async def end_of(self, order: PlannedOrder, patience_s: float = PATIENCE_S) -> str:
        """Wait for the order's end."""

        async def ended() -> str | None:
            found = await self.api.find_order(order.channel, order.external_id)
            return None if found is None else found["outcome"]

        outcome = await self.until(ended, patience_s)
        assert outcome is not None
        self.ends[order.order_id] = outcome
        return outcome
