"""What a caller asks of an order is done once, whoever dies before it took effect, or never."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from api.app import ApiConfig, create_app
from db.inbox import asked, changes, corrections
from db.inbox.asked import Asked
from db.inbox.keys import create_key
from domain.changing import Wish
from tests.api.world import caller
from tests.workflows.conftest import World
from tests.workflows.test_cancelled_by_request import ended, kept, read_again
from tests.workflows.test_cancelling import order_id, reach
from tests.workflows.test_changes import change, units
from tests.workflows.test_desk import stuck
from tests.workflows.test_orders_on_hold import holds_of
from tests.workflows.test_short_picks import ledger, sound, work
from workflows.messages import ResolveException
from workflows.order import OrderWorkflow

ME = "key:1"


async def ask_and_die(world: World, document: dict[str, Any], update: str, **argument: Any) -> None:
    """As the API does, which ends before it tells the run."""
    async with world.engine.begin() as tx:
        await asked.keep(tx, Asked(order_id(document), ME, f"{update}-1", update, argument))


def hold() -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(days=1)
    return {"actor": ME, "kind": "customer_request", "key": "api:1", "until": until.isoformat()}


async def lost_before_parcels(world: World) -> dict[str, Any]:
    """Place an order whose run is gone, as if Temporal had forgotten it."""
    handle, document, _ = await stuck(world)
    await handle.terminate()
    return document


async def test_a_hold_and_its_release_outlive_the_run_that_was_to_hear_of_them(
    world: World,
) -> None:
    document = await lost_before_parcels(world)
    await ask_and_die(world, document, "place_hold", **hold())
    again = await world.place(document)
    await ended(world, document)
    assert await holds_of(world, document) == [("customer_request", "open")]
    await ask_and_die(world, document, "release_hold", actor=ME, number=1)
    await ended(world, document)
    assert await holds_of(world, document) == [("customer_request", "released")]
    await work(world, order_id(document), 1, (1, 1))
    assert (await again.result()).outcome == "delivered"
    await sound(world, order_id(document))


async def test_an_address_that_nobody_was_told_of_is_verified_and_used(world: World) -> None:
    document = await lost_before_parcels(world)
    other = document["ship_to"] | {"line1": "1 Market St"}
    async with world.engine.begin() as tx:
        await corrections.keep(tx, order_id(document), other, ME)
    await ask_and_die(world, document, "change_address", actor=ME)
    again = await world.place(document)
    await ended(world, document)
    order = await world.order(document)
    assert (order.ship_to["line1"].upper(), order.address_verified) == ("1 MARKET ST", True)
    await work(world, order_id(document), 1, (1, 1))
    assert (await again.result()).outcome == "delivered"


async def test_an_address_is_verified_once_the_carrier_answers(world: World) -> None:
    handle, document, _ = await reach(world, "open")
    await world.fault(vendor="easypost", kind="http_401", path_prefix="/v2/addresses", times=2)
    other = document["ship_to"] | {"line1": "1 Market St"}
    async with world.engine.begin() as tx:
        await corrections.keep(tx, order_id(document), other, ME)
    await ask_and_die(world, document, "change_address", actor=ME)
    await ended(world, document)
    assert (await world.order(document)).ship_to["line1"].upper() == "1 MARKET ST"
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"


async def test_a_change_that_nobody_was_told_of_is_made(world: World) -> None:
    handle, document, _ = await reach(world, "open")
    async with world.engine.begin() as tx:
        wish = Wish("set_quantity", line_no=1, quantity=1)
        number = await changes.confirm(tx, order_id(document), [wish], ME)
    await ask_and_die(world, document, "change", number=number)
    await ended(world, document)
    await work(world, order_id(document), 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    [made] = await world.rows("SELECT * FROM order_changes WHERE order_id = :o",
                              o=order_id(document))  # fmt: skip
    assert (made.state, made.refund_minor) == ("applied", 1_250)
    await sound(world, order_id(document))


async def test_what_the_run_refuses_is_told_no_more(world: World) -> None:
    handle, document, _ = await reach(world, "open")
    await ask_and_die(world, document, "place_hold", **hold() | {"kind": "unheard_of"})
    await read_again(world, document)

    async def is_refused() -> bool:
        return bool((await kept(world, document)).state == "rejected")

    await world.until(is_refused)
    assert "no hold of the kind" in (await kept(world, document)).note
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"


async def test_what_takes_long_is_told_until_it_is_done(world: World) -> None:
    """A change of an order that has no parcels yet waits for them, and so does its row."""
    handle, document, waiting = await stuck(world)
    async with world.engine.begin() as tx:
        wish = Wish("set_priority", priority=7)
        number = await changes.confirm(tx, order_id(document), [wish], ME)
    await ask_and_die(world, document, "change", number=number)
    await read_again(world, document)
    assert (await kept(world, document)).state == "new"
    decision = ResolveException(waiting.exception_id, "retry", "test")
    await handle.execute_update(OrderWorkflow.resolve_exception, decision)
    await world.work(document)
    await ended(world, document)
    assert (await handle.result()).outcome == "delivered"
    assert (await world.order(document)).priority == 7


@pytest.fixture
async def unheard(world: World) -> Any:
    """A caller whose API does not reach Temporal."""
    async with world.engine.begin() as tx:
        key = await create_key(tx, "unheard", ["orders:read", "orders:write"])
    away = await Client.connect("127.0.0.1:9", lazy=True)
    app = create_app(
        engine=world.engine, temporal=away, config=ApiConfig(timings=world.timings, take_wait_s=0.5)
    )
    async with caller(app, key.secret) as client:
        yield client


async def test_a_change_that_was_not_taken_is_made_once_when_it_is_asked_again(
    world: World, http: httpx.AsyncClient, unheard: httpx.AsyncClient
) -> None:
    document = world.document((await world.sku(west=5), 1))
    handle = await world.place(document, replace(world.timings, grace_s=3.0))
    await handle.execute_update(OrderWorkflow.admission)
    name = order_id(document)
    more = {"kind": "add_line", "sku": await world.sku(west=5), "quantity": 2,
            "unit_price_minor": 700}  # fmt: skip
    lost = await change(unheard, name, more)
    assert (lost.status_code, lost.json()["code"]) == (503, "unavailable")
    done = await change(http, name, more)
    assert done.status_code in (200, 202), done.text
    await work(world, name, 1, (1, 1))
    await work(world, name, 2, (2, 2))
    assert (await handle.result()).outcome == "delivered"
    listed = (await http.get(f"/orders/{name}/changes")).json()["items"]
    assert sorted((each["state"], each["code"]) for each in listed) == [
        ("applied", None),
        ("refused", "unavailable"),
    ]
    assert await ledger(world, name) == (1_500 + 1_400, 2)
    await sound(world, name)


async def test_a_change_that_was_taken_and_is_taken_back_is_not_made(
    world: World, http: httpx.AsyncClient
) -> None:
    """Temporal took it, and the caller heard that it did not."""
    handle, document, _ = await reach(world, "open")
    async with world.engine.begin() as tx:
        number = await changes.confirm(
            tx, order_id(document), [Wish("set_quantity", line_no=1, quantity=1)], ME
        )
        await changes.take_back(tx, order_id(document), number, ME, "unavailable")
    await ask_and_die(world, document, "change", number=number)
    await ended(world, document)
    done = await change(http, order_id(document), units(1, 1))
    assert (done.status_code, done.json()["state"]) == (200, "applied")
    await work(world, order_id(document), 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    await sound(world, order_id(document))


async def test_an_address_that_was_not_taken_is_not_used_later(
    world: World, unheard: httpx.AsyncClient
) -> None:
    handle, document, _ = await reach(world, "open")
    name = order_id(document)
    version = (await unheard.get(f"/orders/{name}")).json()["version"]
    other = {
        key: value
        for key, value in document["ship_to"].items()
        if key not in {"latitude", "longitude"}
    } | {"line1": "1 Market St"}
    body = {"version": version, "ship_to": other}
    answer = await unheard.post(f"/orders/{name}/address", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    left = await world.rows("SELECT 1 FROM address_corrections WHERE order_id = :o", o=name)
    assert left == []
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"


async def test_an_address_that_the_carrier_said_nothing_about_is_not_called_wrong(
    world: World, http: httpx.AsyncClient
) -> None:
    """Whoever gave it is there to give it again; nothing is left of the first time."""
    handle, document, _ = await reach(world, "open")
    name, other = order_id(document), document["ship_to"] | {"line1": "1 Market St"}
    await world.fault(vendor="easypost", kind="http_401", path_prefix="/v2/addresses", times=1)

    version = (await http.get(f"/orders/{name}")).json()["version"]

    async def ask() -> httpx.Response:
        return await http.post(
            f"/orders/{name}/address",
            json={"version": version, "ship_to": other},
            headers={"Idempotency-Key": f"unheard-{name}"},
        )

    unheard = await ask()
    assert (unheard.status_code, unheard.json()["code"]) == (503, "unavailable")
    assert not await world.rows("SELECT 1 FROM address_corrections WHERE order_id = :o", o=name)
    assert (await ask()).json()["status"] == "changed"
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
