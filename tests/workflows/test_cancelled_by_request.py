"""What a caller of the API cancels is cancelled, whoever dies before it took effect."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from activities.fulfillment import FulfillmentActivities
from api.app import ApiConfig, create_app
from db.engine import run
from db.inbox import asked as requests
from db.inbox import remarks
from db.inbox.asked import Asked
from db.inbox.keys import create_key
from db.inbox.remarks import Remark
from tests.api.world import caller
from tests.workflows.conftest import World
from tests.workflows.test_cancelled_at_the_channel import asked, cancelled
from tests.workflows.test_cancelling import assert_undone, order_id, reach
from tests.workflows.test_desk import stuck
from workflows.messages import fulfillment_workflow_id

REASON = "changed their mind"


@pytest.fixture
async def hasty(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A caller whose API does not wait for what takes long."""
    async with world.engine.begin() as tx:
        key = await create_key(tx, "hasty", ["orders:write"])
    config = ApiConfig(timings=world.timings, done_wait_s=0.3)
    app = create_app(engine=world.engine, temporal=world.temporal, config=config)
    async with caller(app, key.secret) as client:
        yield client


async def ask(client: httpx.AsyncClient, document: dict[str, Any]) -> httpx.Response:
    return await client.post(f"/orders/{order_id(document)}/cancel", json={"reason": REASON})


async def ask_and_die(world: World, document: dict[str, Any]) -> None:
    """As the API does, which ends before it tells the run."""
    async with world.engine.begin() as tx:
        await remarks.keep(tx, Remark(order_id(document), "cancelled", REASON), "key:1")
        await requests.keep(tx, Asked(order_id(document), "key:1", "told-once"))


async def kept(world: World, document: dict[str, Any]) -> Any:
    """The row of the inbox that says what is asked of the order, last."""
    return await world.row(
        "SELECT * FROM inbox WHERE source = 'api' AND document ->> 'external_id' = :e"
        " ORDER BY inbox_id DESC LIMIT 1",
        e=document["external_id"],
    )


async def read_again(world: World, document: dict[str, Any]) -> None:
    """Have the row read now, whatever start its caller has."""
    before = await kept(world, document)
    async with world.engine.begin() as tx:
        statement = "UPDATE inbox SET next_attempt_at = now() WHERE inbox_id = :i"
        await run(tx, statement, i=before.inbox_id)

    async def is_read() -> bool:
        now = await kept(world, document)
        return bool(now.state != "new" or now.attempts > before.attempts)

    await world.until(is_read)


async def ended(world: World, document: dict[str, Any]) -> None:
    async def is_handled() -> bool:
        await read_again(world, document)
        return bool((await kept(world, document)).state == "handled")

    await world.until(is_handled)


async def test_an_accepted_cancellation_outlives_the_run_that_was_told_of_it(
    world: World, hasty: httpx.AsyncClient
) -> None:
    """It waits behind a payment that cannot be taken; then the run is lost."""
    handle, document, _ = await stuck(world)
    answer = await ask(hasty, document)
    assert (answer.status_code, answer.json()["result"]) == (202, "accepted")
    await read_again(world, document)
    assert len(await asked(handle)) == 1, "the loop tells the update that the API told"
    assert (await kept(world, document)).state == "new"
    await handle.terminate()
    again = await world.place(document)
    await read_again(world, document)
    assert (await again.result()).outcome == "cancelled"
    await ended(world, document)
    assert (await world.order(document)).outcome_reason == REASON
    ledger = await world.ledger(document)
    assert all(payment["captured_minor"] == 0 for payment in ledger["payments"])


@pytest.mark.parametrize("stage", ["slip", "open", "picked"])
async def test_what_the_api_kept_and_told_nobody_is_cancelled(world: World, stage: str) -> None:
    handle, document, sku = await reach(world, stage)
    await ask_and_die(world, document)
    await read_again(world, document)
    assert (await handle.result()).outcome == "cancelled"
    await assert_undone(world, document, sku)
    await ended(world, document)
    assert await asked(handle) == ["told-once"]
    assert (await world.order(document)).outcome_reason == REASON


async def test_a_run_that_is_lost_before_its_parcels_stopped_is_told_again(world: World) -> None:
    handle, document, sku = await reach(world, "picked")
    await ask_and_die(world, document)
    name = order_id(document)
    for lost in (handle, world.temporal.get_workflow_handle(fulfillment_workflow_id(name, 1))):
        await lost.terminate()
    await FulfillmentActivities(world.engine).request_cancellation(name)
    again = await world.place(document)
    await read_again(world, document)
    assert (await again.result()).outcome == "cancelled"
    await assert_undone(world, document, sku)
    await ended(world, document)


async def test_what_was_cancelled_at_once_is_told_to_nobody_again(
    world: World, http: httpx.AsyncClient
) -> None:
    handle, document, sku = await reach(world, "open")
    answer = await ask(http, document)
    assert (answer.status_code, answer.json()["result"]) == (200, "cancelled")
    await cancelled(world, document)
    await ended(world, document)
    assert len(await asked(handle)) == 1
    await assert_undone(world, document, sku)


async def test_what_was_refused_does_not_wait_for_another_moment(
    world: World, http: httpx.AsyncClient
) -> None:
    handle, document, _ = await reach(world, "handed_over")
    assert (await ask(http, document)).json()["code"] == "too_late"
    row = await kept(world, document)
    assert (row.state, row.note) == ("rejected", "too_late")
    assert (await handle.result()).outcome == "delivered"


async def test_what_left_meanwhile_is_followed_to_its_end(world: World) -> None:
    handle, document, _ = await reach(world, "handed_over")
    await ask_and_die(world, document)
    await ended(world, document)
    assert (await handle.result()).outcome == "delivered"
    [payment] = (await world.ledger(document))["payments"]
    assert (payment["captured_minor"], payment["refunded_minor"]) == (2_500, 0)
