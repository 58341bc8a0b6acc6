"""Orders that are collected in a store, or are not: each step at its counter is reached."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx

from domain.collection import collection_code
from workers.local.demo.plan import CANCELLED, PlannedOrder
from workers.local.prove.orders import EAST, an_order
from workers.local.prove.stage import Stage


async def pickup_orders(stage: Stage, number: int) -> list[PlannedOrder]:
    """One that is collected with its code, and one that nobody comes for, where the goods lie."""
    store = stage.setup.locations[0].location
    await stage.execute(
        "UPDATE locations SET capabilities = '{pickup}' WHERE location = :store", store=store
    )
    collected, no_show = await asyncio.gather(
        _collected(stage, number, store), _no_show(stage, number, store)
    )
    return [*collected, no_show]


async def _collected(stage: Stage, number: int, store: str) -> list[PlannedOrder]:
    """The last of these is collected; those before waited for too short a time.

    On a slow machine a parcel may be put back before a run that was killed again and again hears
    of its customer.
    """
    orders: list[PlannedOrder] = []
    while True:
        suffix = f"-{len(orders)}" if orders else ""
        order = _at(store, an_order(f"prove-collect-{number}{suffix}", [(EAST, 1)]))
        if await _is_collected(stage, order):
            return [*orders, order]
        orders.append(replace(order, expected=frozenset({CANCELLED})))


async def _is_collected(stage: Stage, order: PlannedOrder) -> bool:
    part = await _ready(stage, order)
    code = {"code": collection_code(part, stage.stack.folder.link_secret())}

    async def is_over() -> bool:
        """The run knows a moment after the database that the parcel is ready."""
        answer = await stage.api.send("POST", f"/fulfillments/{part}/collected", code)
        return httpx.codes.is_success(answer.status) or await _is(
            stage, part, "delivered", "cancelled"
        )

    await stage.until(is_over)
    return not await _is(stage, part, "cancelled")


async def _no_show(stage: Stage, number: int, store: str) -> PlannedOrder:
    """It is reminded of, and put back by itself."""
    name = f"prove-no-show-{number}"
    order = _at(store, an_order(name, [(EAST, 1)], expected=CANCELLED))
    await _ready(stage, order)
    return order


def _at(store: str, order: PlannedOrder) -> PlannedOrder:
    order.document.update({"delivery": "pickup", "pickup_location": store})
    return order


async def _ready(stage: Stage, order: PlannedOrder) -> str:
    """Have it picked and packed; return its one fulfillment order, which waits then."""
    with stage.kept_aside(order):
        await stage.place(order)
        await stage.work(order, "picked", "packed")
    [part] = await stage.parts(order)

    async def waits() -> Any:
        return await _is(stage, part.fulfillment_id, "ready_for_pickup", "cancelled")

    await stage.until(waits)
    return str(part.fulfillment_id)


async def _is(stage: Stage, part: str, *states: str) -> bool:
    found = await stage.rows(
        "SELECT 1 FROM fulfillments WHERE fulfillment_id = :part AND state = ANY (:states)",
        part=part,
        states=list(states),
    )
    return bool(found)
