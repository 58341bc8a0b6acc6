"""Who heard only that it was taken asks once more, and hears of the same."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from api.app import ApiConfig, create_app
from db.inbox import changes
from db.inbox.keys import create_key
from tests.api.world import caller
from tests.workflows.conftest import World
from tests.workflows.test_asked_by_request import ME
from tests.workflows.test_cancelling import order_id, reach
from tests.workflows.test_changes import units
from tests.workflows.test_orders_on_hold import undeliverable
from tests.workflows.test_short_picks import sound, work
from workflows.order import OrderWorkflow


@pytest.fixture
async def secret(world: World) -> str:
    async with world.engine.begin() as tx:
        return (await create_key(tx, "hasty", ["orders:read", "orders:write"])).secret


@pytest.fixture
async def hasty(world: World, secret: str) -> Any:
    """A caller whose API does not wait until things are done."""
    config = ApiConfig(timings=world.timings, done_wait_s=0.2)
    app = create_app(engine=world.engine, temporal=world.temporal, config=config)
    async with caller(app, secret) as client:
        yield client


@pytest.fixture
async def deaf(world: World, secret: str) -> Any:
    """The same caller, at an API that does not reach Temporal."""
    away = await Client.connect("127.0.0.1:9", lazy=True)
    config = ApiConfig(timings=world.timings, take_wait_s=0.5)
    app = create_app(engine=world.engine, temporal=away, config=config)
    async with caller(app, secret) as client:
        yield client


async def in_grace(world: World, http: httpx.AsyncClient) -> tuple[Any, str, int]:
    """Place an order of three units whose changes wait for some seconds; its id and version."""
    document = world.document((await world.sku(west=5), 3))
    handle = await world.place(document, replace(world.timings, grace_s=4.0))
    await handle.execute_update(OrderWorkflow.admission)
    name = order_id(document)
    return handle, name, (await http.get(f"/orders/{name}")).json()["version"]


async def until_done(ask: Callable[[], Awaitable[httpx.Response]], world: World) -> httpx.Response:
    async def is_done() -> httpx.Response | None:
        now = await ask()
        assert now.status_code in (200, 202), now.text
        return now if now.status_code == 200 else None

    done: httpx.Response = await world.until(is_done)
    return done


async def test_who_repeats_a_change_that_was_taken_hears_of_the_same_change(
    world: World, hasty: httpx.AsyncClient
) -> None:
    """It raised the order's version: the repeat, which names the one before, is not stale."""
    handle, name, version = await in_grace(world, hasty)
    body = {"version": version, "changes": [units(1, 2)]}

    async def ask() -> httpx.Response:
        same = {"Idempotency-Key": f"change-{name}"}
        return await hasty.post(f"/orders/{name}/changes", json=body, headers=same)

    first, second = await ask(), await ask()
    assert (first.status_code, first.json()["number"]) == (202, 1), first.text
    assert (second.status_code, second.json()) == (202, first.json())
    await work(world, name, 1, (1, 2))
    done = await until_done(ask, world)
    assert done.json() == first.json() | {"state": "applied"}
    assert (await handle.result()).outcome == "delivered"
    again = await ask()
    assert (again.status_code, again.json()) == (200, done.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await hasty.get(f"/orders/{name}/changes")).json()["items"]) == 1
    await sound(world, name)


async def test_a_repeat_that_nobody_hears_takes_back_nothing_that_was_taken(
    world: World, hasty: httpx.AsyncClient, deaf: httpx.AsyncClient
) -> None:
    """It asks how far the change has come; that Temporal is away does not undo it."""
    handle, name, version = await in_grace(world, hasty)
    body = {"version": version, "changes": [units(1, 2)]}
    path, same = f"/orders/{name}/changes", {"Idempotency-Key": f"deaf-{name}"}
    first = await hasty.post(path, json=body, headers=same)
    unheard = await deaf.post(path, json=body, headers=same)
    assert (first.status_code, unheard.status_code) == (202, 202), (first.text, unheard.text)
    assert unheard.json() == first.json()
    await work(world, name, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    again = await deaf.post(path, json=body, headers=same)
    assert (again.status_code, again.json()["state"]) == (200, "applied")
    await sound(world, name)


async def test_who_repeats_a_change_after_the_order_closed_hears_what_became_of_it(
    world: World, hasty: httpx.AsyncClient
) -> None:
    handle, name, version = await in_grace(world, hasty)

    async def ask(number: int) -> httpx.Response:
        return await hasty.post(
            f"/orders/{name}/changes",
            json={"version": version + number - 1, "changes": [units(1, 3 - number)]},
            headers={"Idempotency-Key": f"change-{number}-{name}"},
        )

    made, dropped = await ask(1), await ask(2)
    assert (made.status_code, dropped.status_code) == (202, 202), (made.text, dropped.text)
    async with world.engine.begin() as tx:
        await changes.take_back(tx, name, 2, ME, "no_stock")
    await work(world, name, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    assert (await ask(1)).json() == made.json() | {"state": "applied"}
    refused = await ask(2)
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_stock")


async def test_who_repeats_an_address_that_was_taken_hears_of_the_same_address(
    world: World, hasty: httpx.AsyncClient
) -> None:
    handle, document, _ = await reach(world, "open")
    name = order_id(document)
    version = (await hasty.get(f"/orders/{name}")).json()["version"]
    body = {"version": version, "ship_to": document["ship_to"] | {"line1": "1 Market St"}}
    await world.fault(vendor="easypost", kind="delay", path_prefix="/v2/addresses", seconds=2.0)

    async def ask() -> httpx.Response:
        same = {"Idempotency-Key": f"address-{name}"}
        return await hasty.post(f"/orders/{name}/address", json=body, headers=same)

    assert (await ask()).status_code == 202
    assert (await until_done(ask, world)).json()["status"] == "changed"
    kept = await world.rows("SELECT * FROM address_corrections WHERE order_id = :o", o=name)
    assert len(kept) == 1
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    assert (await world.order(document)).ship_to["line1"].upper() == "1 MARKET ST"


async def test_who_repeats_an_address_hears_at_last_that_the_carrier_did_not_answer(
    world: World, hasty: httpx.AsyncClient
) -> None:
    """The run has said so: it is not taken any more, and may be given again."""
    handle, document, _ = await reach(world, "open")
    name = order_id(document)
    version = (await hasty.get(f"/orders/{name}")).json()["version"]
    body = {"version": version, "ship_to": document["ship_to"] | {"line1": "1 Market St"}}
    await world.fault(vendor="easypost", kind="http_500", path_prefix="/v2/addresses", times=200)

    async def ask() -> httpx.Response:
        same = {"Idempotency-Key": f"away-{name}"}
        return await hasty.post(f"/orders/{name}/address", json=body, headers=same)

    async def is_refused() -> httpx.Response | None:
        now = await ask()
        return None if now.status_code == 202 else now

    assert (await ask()).status_code == 202
    unheard = await world.until(is_refused)
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    assert (unheard.status_code, unheard.json()["code"]) == (503, "unavailable")
    assert (await until_done(ask, world)).json()["status"] == "changed"
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"


async def test_who_repeats_what_was_asked_of_a_hold_hears_of_the_same(
    world: World, hasty: httpx.AsyncClient
) -> None:
    """The hold is released by then: for a new request it would be too late."""
    handle, document = await undeliverable(world)
    name, right = order_id(document), world.document()["ship_to"]
    await world.fault(vendor="easypost", kind="delay", path_prefix="/v2/addresses", seconds=2.0)

    async def ask(key: str = "same") -> httpx.Response:
        return await hasty.post(
            f"/orders/{name}/holds/1/correct-address",
            json={"ship_to": right},
            headers={"Idempotency-Key": f"{key}-{name}"},
        )

    assert (await ask()).status_code == 202
    assert (await until_done(ask, world)).json()["status"] == "deliverable"
    assert (await ask("another")).json()["code"] == "wrong_state"
    kept = await world.rows("SELECT * FROM address_corrections WHERE order_id = :o", o=name)
    assert len(kept) == 1
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"


async def test_who_repeats_what_nobody_took_asks_anew(
    world: World, http: httpx.AsyncClient, deaf: httpx.AsyncClient
) -> None:
    """The one before was taken back, which is a new version of the order: look again."""
    handle, name, version = await in_grace(world, http)
    body = {"version": version, "changes": [units(1, 1)]}
    path, same = f"/orders/{name}/changes", {"Idempotency-Key": f"lost-{name}"}
    lost = await deaf.post(path, json=body, headers=same)
    assert (lost.status_code, lost.json()["code"]) == (503, "unavailable")
    again = await deaf.post(path, json=body, headers=same)
    assert (again.status_code, again.json()["code"]) == (409, "stale_version")
    listed = (await http.get(path)).json()["items"]
    assert [each["state"] for each in listed] == ["refused"]
    await work(world, name, 1, (1, 3))
    assert (await handle.result()).outcome == "delivered"
    await sound(world, name)
