"""Many want the same at the same moment: units, a decision, a parcel, rows in opposite order."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx

from workers.local.demo.plan import CANCELLED, DELIVERED, REFUSED_STOCK, PlannedOrder
from workers.local.prove.orders import EAST, HOT, LAST_ONE, OUTLET, WEST, an_order
from workers.local.prove.stage import Outcome, Stage

CHANNELS: Final = ("shop", OUTLET)


@dataclass(frozen=True)
class Race:
    """What was found so far, and how to find out how the orders ended: all run on meanwhile."""

    orders: int
    found: list[str]
    ending: Callable[[], Awaitable[list[str]]]


async def races(stage: Stage) -> Outcome:
    outcome = Outcome()
    run = [
        await race(stage)
        for race in (_the_last_one, _a_hot_article, _two_operators, _cancel_or_ship)
    ]
    # Last, because its warehouse works for the orders of the others, too.
    run.append(await _opposite_orders(stage))
    for race in run:
        outcome.orders += race.orders
        outcome.violations += [*race.found, *await race.ending()]
    outcome.faults = outcome.orders
    return outcome


async def _the_last_one(stage: Stage) -> Race:
    """One unit, all buyers at once over two channels: one gets it, all others are told so."""
    buyers = _buyers("last", LAST_ONE, stage.size.buyers)
    answers = await _all_at_once(stage, buyers)
    slowest = max(answer.seconds for _, answer in answers)
    found = [f"{order.order_id} was not told" for order, answer in answers if not _is_told(answer)]
    if slowest > stage.size.told_within_s:
        found.append(f"a buyer was told after {slowest:.1f} s")
    return Race(len(buyers), found, lambda: _one_for_each_unit(stage, answers, 1))


async def _a_hot_article(stage: Stage) -> Race:
    """Small stock, very many buyers: every unit is sold, and not one more."""
    buyers = _buyers("hot", HOT, stage.size.hot_buyers)
    answers = await _all_at_once(stage, buyers)
    return Race(len(buyers), [], lambda: _one_for_each_unit(stage, answers, stage.size.hot_units))


def _buyers(prefix: str, sku: str, count: int) -> list[PlannedOrder]:
    return [
        an_order(
            f"{prefix}-{number}", [(sku, 1)], channel=CHANNELS[number % 2], expected=REFUSED_STOCK
        )
        for number in range(count)
    ]


async def _all_at_once(stage: Stage, orders: list[PlannedOrder]) -> list[tuple[PlannedOrder, Any]]:
    ready = asyncio.Barrier(len(orders))

    async def buy(order: PlannedOrder) -> tuple[PlannedOrder, Any]:
        await ready.wait()
        return order, await stage.api.place(order.document)

    return await asyncio.gather(*(buy(order) for order in orders))


async def _one_for_each_unit(
    stage: Stage, answers: list[tuple[PlannedOrder, Any]], units: int
) -> list[str]:
    """Who was told that it is sold out has lost; of the others, as many win as there are units."""
    orders = [replace(order, expected=_possible(answer)) for order, answer in answers]
    losers = [order for order in orders if order.expected == {REFUSED_STOCK}]
    stage.orders += orders
    stage.ends |= {order.order_id: REFUSED_STOCK for order in losers}
    found = await stage.follow([order for order in orders if order not in losers])
    sold = sum(stage.ends[order.order_id] == DELIVERED for order in orders)
    return found if sold == units else [*found, f"{sold} of {units} units were sold"]


def _is_told(answer: Any) -> bool:
    """That it is sold, or sold out; an order that is accepted (202) is decided later."""
    return answer.status in (httpx.codes.CREATED, httpx.codes.CONFLICT)


def _possible(answer: Any) -> frozenset[str]:
    if not _is_told(answer):
        return frozenset({DELIVERED, REFUSED_STOCK})
    return frozenset({DELIVERED if answer.status == httpx.codes.CREATED else REFUSED_STOCK})


async def _two_operators(stage: Stage) -> Race:
    """Two people decide about one exception at the same moment: one decision counts."""
    order = an_order("operators", [(EAST, 1)])
    await stage.place(order)
    await stage.fault("http_401", vendor="easypost", method="POST", path_prefix="/v2/shipments")
    await stage.work(order, "picked", "packed")
    exception_id = await stage.exception_of(order)
    decide = f"/exceptions/{exception_id}/resolve"
    answers = await asyncio.gather(
        stage.api.send("POST", decide, {"resolution": "retry"}),
        stage.api.send("POST", decide, {"resolution": "compensate"}),
    )
    counted = [answer.status for answer in answers if httpx.codes.is_success(answer.status)]
    found = [] if len(counted) == 1 else [f"{len(counted)} operators decided the same exception"]
    return Race(1, found, lambda: _delivered_or_cancelled(stage, [order]))


async def _cancel_or_ship(stage: Stage) -> Race:
    """The customer cancels while the parcel is handed over: it is one or the other, wholly."""
    orders = [an_order(f"torn-{number}", [(WEST, 1)]) for number in range(stage.size.mix // 2)]
    await asyncio.gather(*(stage.place(order) for order in orders))
    await asyncio.gather(*(stage.work(order, "picked") for order in orders))

    async def tear(order: PlannedOrder) -> None:
        packing = asyncio.create_task(_pack(stage, order))
        await asyncio.sleep(stage.dice.uniform(0.0, 0.5))
        await asyncio.gather(stage.api.cancel(order.order_id), packing)

    await asyncio.gather(*(tear(order) for order in orders))
    return Race(len(orders), [], lambda: _delivered_or_cancelled(stage, orders))


async def _delivered_or_cancelled(stage: Stage, orders: list[PlannedOrder]) -> list[str]:
    ends = [(order.order_id, await stage.end_of(order)) for order in orders]
    return [f"{name} is {end}" for name, end in ends if end not in (DELIVERED, CANCELLED)]


async def _pack(stage: Stage, order: PlannedOrder) -> None:
    """A cancellation may have come first: then there is nothing to pack."""
    for part in await stage.parts(order):
        lines = [{"line_no": no, "quantity": units} for no, units in part.lines]
        await stage.api.report(part.fulfillment_id, "packed", lines)


async def _opposite_orders(stage: Stage) -> Race:
    """The same two articles, named in opposite order: locks are taken in one order all the same."""
    orders = [
        an_order(f"crossed-{n}", [(EAST, 1), (WEST, 1)] if n % 2 else [(WEST, 1), (EAST, 1)])
        for n in range(stage.size.mix)
    ]
    began, before = time.monotonic(), await _deadlocks(stage)
    violations = await stage.drive(orders)
    if after := await _deadlocks(stage) - before:
        took_s = time.monotonic() - began
        violations.append(f"{after} deadlocks in {took_s:.0f} s")
    return Race(len(orders), violations, _nothing_more)


async def _nothing_more() -> list[str]:
    return []


async def _deadlocks(stage: Stage) -> int:
    [row] = await stage.rows(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(row.deadlocks)
