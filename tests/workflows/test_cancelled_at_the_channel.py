"""What a channel cancels is cancelled here, once, whatever is lost on the way."""

from typing import Any

import pytest

from db.engine import run
from db.inbox.cancellations import keep_cancellation
from db.inbox.orders import CANCELLED, ContentDiffers, commit_order
from tests.workflows.conftest import World
from tests.workflows.test_cancelling import assert_undone, order_id, reach
from tests.workflows.test_desk import stuck

ACTOR = "webhook:shopify"


async def told(world: World, document: dict[str, Any]) -> bool:
    async with world.engine.begin() as tx:
        return await keep_cancellation(tx, "shop", document["external_id"], ACTOR)


async def notice(world: World, document: dict[str, Any]) -> Any:
    """The cancellation's row of the inbox."""
    name = f"cancelled:{order_id(document)}"
    return await world.row(
        "SELECT * FROM inbox WHERE source = 'channel' AND external_id = :e", e=name
    )


async def cancelled(world: World, document: dict[str, Any]) -> None:
    async def is_cancelled() -> bool:
        order = await world.order(document)
        return bool(order and order.outcome == "cancelled")

    await world.until(is_cancelled)


async def read_again(world: World, document: dict[str, Any]) -> None:
    """Have the row read now; a second reading begins when the first has ended."""
    before = await notice(world, document)
    async with world.engine.begin() as tx:
        statement = "UPDATE inbox SET next_attempt_at = now() WHERE inbox_id = :i"
        await run(tx, statement, i=before.inbox_id)

    async def is_read() -> bool:
        now = await notice(world, document)
        return bool(now.state == "handled" or now.attempts > before.attempts)

    await world.until(is_read)


async def handled(world: World, document: dict[str, Any]) -> None:
    async def is_handled() -> bool:
        await read_again(world, document)
        return bool((await notice(world, document)).state == "handled")

    await world.until(is_handled)


async def asked(handle: Any) -> list[str]:
    """The ids of the cancellations that a run has accepted."""
    updates = [
        event.workflow_execution_update_accepted_event_attributes.accepted_request
        for event in (await handle.fetch_history()).events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    return [update.meta.update_id for update in updates if update.input.name == "cancel"]


@pytest.mark.parametrize("stage", ["slip", "open", "picked"])
async def test_an_order_is_cancelled_once_however_often_its_channel_says_so(
    world: World, stage: str
) -> None:
    handle, document, sku = await reach(world, stage)
    assert await told(world, document)
    assert not await told(world, document)
    assert (await handle.result()).outcome == "cancelled"
    await assert_undone(world, document, sku)
    await handled(world, document)
    assert await asked(handle) == ["cancelled-at-the-channel"]
    order = await world.order(document)
    assert order.outcome_reason == CANCELLED
    assert not await told(world, document)
    assert (await world.order(document)).version == order.version


async def test_what_has_left_is_followed_to_its_end(world: World) -> None:
    handle, document, _ = await reach(world, "handed_over")
    assert await told(world, document)
    await handled(world, document)
    assert (await handle.result()).outcome == "delivered"
    [payment] = (await world.ledger(document))["payments"]
    assert (payment["captured_minor"], payment["refunded_minor"]) == (2_500, 0)


async def test_nothing_happens_to_an_order_that_has_ended(world: World) -> None:
    handle, document, _ = await reach(world, "handed_over")
    assert (await handle.result()).outcome == "delivered"
    before = await world.order(document)
    assert await told(world, document)
    await handled(world, document)
    after = await world.order(document)
    assert (after.outcome, after.version) == ("delivered", before.version)
    assert await asked(handle) == []


async def test_an_order_is_cancelled_that_was_not_admitted_yet(world: World) -> None:
    sku = await world.sku(west=5)
    document = world.document((sku, 2))
    async with world.engine.begin() as tx:
        external_id = document["external_id"]
        await commit_order(tx, document, channel="shop", external_id=external_id, deferred=True)
        assert await keep_cancellation(tx, "shop", external_id, ACTOR)
    await cancelled(world, document)
    await assert_undone(world, document, sku)
    await handled(world, document)


async def test_an_order_that_its_admission_refused_stays_refused(world: World) -> None:
    wrong = world.document(("NOBODY-KNOWS", 1))
    named = {"channel": "shop", "external_id": wrong["external_id"]}
    async with world.engine.begin() as tx:
        await commit_order(tx, wrong, deferred=True, **named)
        assert await keep_cancellation(tx, actor=ACTOR, **named)
    await handled(world, wrong)
    right = world.document((await world.sku(west=5), 1)) | named
    async with world.engine.begin() as tx:
        with pytest.raises(ContentDiffers):
            await commit_order(tx, right, deferred=True, **named)
    kept = await world.row(
        "SELECT state, note FROM inbox WHERE kind = 'order' AND external_id = :e",
        e=wrong["external_id"],
    )
    assert tuple(kept) == ("rejected", CANCELLED)
    assert await world.order(wrong) is None


async def test_a_run_that_is_lost_is_told_when_another_is_started(world: World) -> None:
    handle, document, sku = await reach(world, "slip")
    await handle.terminate()
    assert await told(world, document)
    await read_again(world, document)
    await read_again(world, document)
    assert (await notice(world, document)).state == "new"
    again = await world.place(document, world.slow_slips)
    await read_again(world, document)
    assert (await again.result()).outcome == "cancelled"
    await assert_undone(world, document, sku)
    await handled(world, document)


async def test_a_cancellation_outlives_the_run_that_was_told_of_it(world: World) -> None:
    """It was accepted and waits behind a payment that cannot be taken; then the run is lost."""
    handle, document, _ = await stuck(world)
    assert await told(world, document)
    await read_again(world, document)
    await read_again(world, document)
    assert await asked(handle) == ["cancelled-at-the-channel"]
    assert (await notice(world, document)).state == "new"
    await handle.terminate()
    again = await world.place(document)
    await read_again(world, document)
    await cancelled(world, document)
    assert (await again.result()).outcome == "cancelled"
    await handled(world, document)
    ledger = await world.ledger(document)
    assert all(payment["captured_minor"] == 0 for payment in ledger["payments"])
