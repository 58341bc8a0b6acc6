"""An order that is to be collected instead of sent, or the other way round."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from activities.setting_up import upsert_catalog
from tests.workflows.conftest import World
from tests.workflows.test_changes import mails, work
from tests.workflows.test_pickup import STORE, collect, events, ready, sound
from tests.workflows.test_short_picks import ledger
from workflows.order import OrderWorkflow

ELSEWHERE = {
    "name": "Ada Buyer", "line1": "1 Market St", "city": "San Francisco", "region": "CA",
    "postal_code": "94105", "country": "US",
}  # fmt: skip


@pytest.fixture(autouse=True)
async def corner(world: World) -> None:
    async with world.engine.begin() as tx:
        await upsert_catalog(tx, {"locations": [STORE]})


async def in_grace(world: World, sku: str, **changes: Any) -> tuple[Any, str]:
    """Placed, and not routed before its grace period is ended by hand."""
    document = world.document((sku, 1), **changes)
    handle = await world.place(document, replace(world.timings, grace_s=600.0, pickup_s=600.0))
    await handle.execute_update(OrderWorkflow.admission)
    return handle, f"shop-{document['external_id']}"


async def deliver(
    http: httpx.AsyncClient, order_id: str, delivery: str, **where: Any
) -> httpx.Response:
    version = (await http.get(f"/orders/{order_id}")).json()["version"]
    body = {"version": version, "delivery": delivery, **where}
    return await http.post(f"/orders/{order_id}/delivery", json=body)


async def go_on(world: World, http: httpx.AsyncClient, order_id: str) -> None:
    async def is_released() -> bool:
        path = f"/orders/{order_id}/holds/1/release"
        return (await http.post(path, json={"reason": "as agreed"})).status_code == 200

    await world.until(is_released)


async def test_what_was_to_be_sent_is_collected(world: World, http: httpx.AsyncClient) -> None:
    handle, order_id = await in_grace(world, await world.sku(corner=1, west=5))
    nowhere = await deliver(http, order_id, "pickup", pickup_location="west")
    assert (nowhere.status_code, nowhere.json()["reason"]) == (409, "no_store"), nowhere.text
    sent = await deliver(http, order_id, "carrier", ship_to=ELSEWHERE)
    assert (sent.status_code, sent.json()["reason"]) == (409, "not_collected")
    unclear = await deliver(http, order_id, "pickup", ship_to=ELSEWHERE)
    assert unclear.status_code == 422
    done = await deliver(http, order_id, "pickup", pickup_location="corner")
    assert (done.status_code, done.json()["status"]) == (200, "changed"), done.text
    await go_on(world, http, order_id)
    assert (await ready(world, order_id)).location == "corner"
    late = await deliver(http, order_id, "carrier", ship_to=ELSEWHERE)
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    await collect(world, order_id)
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_500, 0)
    assert "pickup_confirmed" in {each.partition(":")[0] for each in await mails(world, order_id)}
    assert "DeliveryChanged" in await events(world, order_id)
    await sound(world, order_id)


async def test_a_store_that_has_too_few_is_refused(world: World, http: httpx.AsyncClient) -> None:
    handle, order_id = await in_grace(world, await world.sku(west=5))
    none = await deliver(http, order_id, "pickup", pickup_location="corner")
    assert (none.status_code, none.json()["reason"]) == (409, "no_stock"), none.text
    await go_on(world, http, order_id)
    await work(world, order_id, 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    await sound(world, order_id)


async def test_what_was_to_be_collected_is_sent(world: World, http: httpx.AsyncClient) -> None:
    sku = await world.sku(corner=1, west=5)
    handle, order_id = await in_grace(world, sku, delivery="pickup", pickup_location="corner")
    nowhere = await deliver(
        http, order_id, "carrier", ship_to=ELSEWHERE | {"line1": "1 Undeliverable St"}
    )
    assert (nowhere.status_code, nowhere.json()["reason"]) == (409, "undeliverable"), nowhere.text
    done = await deliver(http, order_id, "carrier", ship_to=ELSEWHERE)
    assert (done.status_code, done.json()["status"]) == (200, "changed"), done.text
    order = await world.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (order.pickup_location, order.ship_to["line1"].upper()) == (None, "1 MARKET ST")
    await go_on(world, http, order_id)
    await work(world, order_id, 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_500, 1)
    await sound(world, order_id)
