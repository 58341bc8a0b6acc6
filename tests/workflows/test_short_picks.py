"""A location that lacks units: the order goes on with what others have, or with what is left."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from db.queries.audit import RULES, violations
from tests.workflows.conftest import World
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import CancelOrder, LinesDone, Rejection, fulfillment_workflow_id
from workflows.order import OrderWorkflow


def child(world: World, order_id: str, number: int) -> Any:
    return world.temporal.get_workflow_handle(fulfillment_workflow_id(order_id, number))


async def placed(world: World, *lines: tuple[str, int], **changes: Any) -> tuple[Any, str]:
    document = world.document(*lines, **changes)
    handle = await world.place(document)
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"{document['channel']}-{document['external_id']}"
    await world.parts(order_id)
    return handle, order_id


async def work(world: World, order_id: str, number: int, *lines: tuple[int, int]) -> None:
    async def runs() -> bool:
        found = await world.rows("SELECT number FROM fulfillments WHERE order_id = :o", o=order_id)
        return number in {part.number for part in found}

    await world.until(runs)
    await world.parts(order_id)
    for step in (FulfillmentWorkflow.picked, FulfillmentWorkflow.packed):
        await world.until(reported(child(world, order_id, number), step, LinesDone("test", lines)))


def reported(part: Any, step: Any, done: LinesDone) -> Callable[[], Awaitable[bool]]:
    """What the row says, its run hears a moment later."""

    async def taken() -> bool:
        try:
            await part.execute_update(step, done)
        except WorkflowUpdateFailedError:
            return False
        return True

    return taken


async def sound(world: World, order_id: str) -> None:
    async with world.engine.connect() as tx:
        for rule in RULES:
            found = [each for each in await violations(tx, rule) if order_id in each[0]]
            assert found == [], rule


async def ledger(world: World, order_id: str) -> tuple[int, int]:
    """What the vendor captured and refunded for the order, and how many labels it sold."""
    whole = (await world.sandbox.get("/_/ledger")).json()
    payments = [each for each in whole["payments"] if each["order"] == order_id]
    labels = [
        each
        for each in whole["labels"]
        if (each["reference"] or "").startswith(f"{order_id}:") and each["bought"]
    ]
    kept = sum(each["captured_minor"] - each["refunded_minor"] for each in payments)
    return kept, len(labels)


async def test_a_short_pick_is_shipped_from_elsewhere(world: World) -> None:
    sku = await world.sku(west=3, east=3)
    handle, order_id = await placed(world, (sku, 3))
    first = child(world, order_id, 1)
    short = LinesDone("test", ((1, 2),), "damaged")
    for _ in range(2):  # told twice is no error
        await first.execute_update(FulfillmentWorkflow.picked, short)
    await first.execute_update(FulfillmentWorkflow.packed, LinesDone("test", ((1, 2),)))
    await work(world, order_id, 2, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    parts = await world.parts(order_id)
    assert [(part.location, part.state) for part in parts] == [
        ("west", "delivered"),
        ("east", "delivered"),
    ]
    assert await ledger(world, order_id) == (3_500, 2)
    await sound(world, order_id)


async def test_a_rejected_part_goes_elsewhere_whole(world: World) -> None:
    sku = await world.sku(west=2, east=2)
    handle, order_id = await placed(world, (sku, 2))
    first = child(world, order_id, 1)
    await first.execute_update(FulfillmentWorkflow.rejected, Rejection("test", "closed"))
    assert (await first.result())["state"] == "cancelled"
    await work(world, order_id, 2, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (2_500, 1)
    await sound(world, order_id)


async def test_what_nobody_has_is_cancelled_where_the_channel_says_so(world: World) -> None:
    sku = await world.sku(west=2)
    handle, order_id = await placed(world, (sku, 2), channel="thrifty")
    first = child(world, order_id, 1)
    short = LinesDone("test", ((1, 1),), "not_found")
    await first.execute_update(FulfillmentWorkflow.picked, short)
    await first.execute_update(FulfillmentWorkflow.packed, LinesDone("test", ((1, 1),)))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_250, 1)
    mails = await world.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_id)
    assert f"{order_id}:partly_cancelled" in {mail.key for mail in mails}
    await sound(world, order_id)


async def test_an_order_whose_every_unit_is_gone_is_cancelled_and_paid_back(world: World) -> None:
    sku = await world.sku(west=2)
    handle, order_id = await placed(world, (sku, 2), channel="thrifty")
    first = child(world, order_id, 1)
    await first.execute_update(FulfillmentWorkflow.rejected, Rejection("test", "not_found"))
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


async def test_a_cancellation_reaches_what_was_rerouted(world: World) -> None:
    sku = await world.sku(west=2, east=2)
    handle, order_id = await placed(world, (sku, 2))
    first = child(world, order_id, 1)
    short = LinesDone("test", ((1, 1),), "damaged")
    await first.execute_update(FulfillmentWorkflow.picked, short)
    cancelled = await handle.execute_update(OrderWorkflow.cancel, CancelOrder("customer"))
    assert cancelled.result == "cancelled"
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("picked", LinesDone("test", ((1, 2),), "damaged"), "WrongQuantities"),
        ("picked", LinesDone("test", ((1, 3),), "damaged"), "WrongQuantities"),
        ("picked", LinesDone("test", ((2, 1),), "damaged"), "WrongQuantities"),
        ("picked", LinesDone("test", ((1, 1),)), "WrongQuantities"),
        ("picked", LinesDone("test", ((1, 1),), "bad luck"), "UnknownReason"),
        ("rejected", Rejection("test", "bad luck"), "UnknownReason"),
    ],
)
async def test_what_is_no_short_pick_is_refused(
    world: World, name: str, said: Any, kind: str
) -> None:
    handle, order_id = await placed(world, (await world.sku(west=2), 2))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await child(world, order_id, 1).execute_update(name, said)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == kind
    await handle.execute_update(OrderWorkflow.cancel, CancelOrder("customer"))
