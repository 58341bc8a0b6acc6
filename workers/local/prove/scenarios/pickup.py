"""Orders that are collected in a store, or are not: each step at its counter is reached."""

import asyncio
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
    return list(
        await asyncio.gather(_collected(stage, number, store), _no_show(stage, number, store))
    )


async def _collected(stage: Stage, number: int, store: str) -> PlannedOrder:
    order = _at(store, an_order(f"prove-collect-{number}", [(EAST, 1)]))
    part = await _ready(stage, order)
    code = {"code": collection_code(part, stage.stack.folder.link_secret())}

    async def has_it() -> bool:
        """The run knows a moment after the database that the parcel is ready."""
        answer = await stage.api.send("POST", f"/fulfillments/{part}/collected", code)
        return httpx.codes.is_success(answer.status) or await _is(stage, part, "delivered")

    await stage.until(has_it)
    return order


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
        return await _is(stage, part.fulfillment_id, "ready_for_pickup")

    await stage.until(waits)
    return str(part.fulfillment_id)


async def _is(stage: Stage, part: str, state: str) -> bool:
    found = await stage.rows(
        "SELECT 1 FROM fulfillments WHERE fulfillment_id = :part AND state = :state",
        part=part,
        state=state,
    )
    return bool(found)
