"""An order that is collected in a store: it is ready, is collected, or nobody comes."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.setting_up import upsert_catalog
from tests.workflows.conftest import SETUP, World
from tests.workflows.test_short_picks import child, ledger, sound
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import (
    CORE_QUEUE,
    CancelOrder,
    Collected,
    LinesDone,
    OrderInput,
    order_workflow_id,
)
from workflows.order import OrderWorkflow

BY: Any = Collected("test")
STORE = SETUP["locations"][0] | {  # type: ignore[operator]
    "location": "corner", "name": "Corner Store", "capabilities": ["pickup"]
}  # fmt: skip


async def placed(
    world: World,
    *,
    pickup_s: float = 600.0,
    authorization_s: float = 600.0,
    units: int = 1,
    **changes: Any,
) -> tuple[Any, str, str]:
    async with world.engine.begin() as tx:
        await upsert_catalog(tx, {"locations": [STORE]})
    sku = await world.sku(corner=units, west=5)
    document = world.document((sku, 1), delivery="pickup", pickup_location="corner", **changes)
    times = replace(world.timings, pickup_s=pickup_s, authorization_s=authorization_s)
    handle = await world.place(document, times)
    return handle, f"shop-{document['external_id']}", sku


async def ready(world: World, order_id: str) -> Any:
    await world.parts(order_id)
    done = LinesDone("test", ((1, 1),))
    await child(world, order_id, 1).execute_update(FulfillmentWorkflow.picked, done)
    await child(world, order_id, 1).execute_update(FulfillmentWorkflow.packed, done)

    async def waits() -> Any:
        return await world.row(
            "SELECT o.next_step AS order_step, f.* FROM fulfillments f JOIN orders o"
            " USING (order_id) WHERE order_id = :o AND f.state = 'ready_for_pickup'",
            o=order_id,
        )

    return await world.until(waits)


async def collect(world: World, order_id: str) -> None:
    """The run knows a moment after the database that the parcel is ready."""

    async def taken() -> bool:
        try:
            await child(world, order_id, 1).execute_update(FulfillmentWorkflow.collected, BY)
        except (RPCError, WorkflowUpdateFailedError):
            return False
        return True

    await world.until(taken)


async def mails(world: World, order_id: str) -> set[str]:
    found = await world.rows(
        "SELECT key FROM outbox WHERE order_id = :o AND kind = 'email'", o=order_id
    )
    return {mail.key.removeprefix(f"{order_id}:") for mail in found}


async def events(world: World, order_id: str) -> list[str]:
    found = await world.rows(
        "SELECT event FROM order_events WHERE order_id = :o ORDER BY sequence", o=order_id
    )
    return [each.event for each in found]


async def test_an_order_is_collected_paid_and_never_labelled(world: World) -> None:
    handle, order_id, sku = await placed(world)
    part = await ready(world, order_id)
    assert (part.location, part.next_step, part.order_step) == (
        "corner",
        "collection",
        "collection",
    )
    assert await ledger(world, order_id) == (0, 0)
    await collect(world, order_id)
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_500, 0)
    assert {"pickup_confirmed", "pickup_ready:f1"} == await mails(world, order_id)
    told = await events(world, order_id)
    assert (told.count("Collected"), told.count("LabelBought")) == (1, 0)
    asked = await world.row("SELECT 1 FROM outbox WHERE key = :k", k=f"invoice:{order_id}-f1")
    assert asked is not None
    level = await world.row("SELECT * FROM location_levels WHERE sku = :s AND location = 'corner'",
                            s=sku)  # fmt: skip
    assert (level.on_hand, level.reserved) == (0, 0)
    await sound(world, order_id)


async def test_what_nobody_collects_is_put_back_and_costs_nothing(world: World) -> None:
    handle, order_id, sku = await placed(world, pickup_s=2.0)
    await ready(world, order_id)
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    order = await world.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert order.outcome_reason == "no_show"
    expected = {"pickup_confirmed", "pickup_ready:f1", "pickup_reminder:f1", "not_collected"}
    assert await mails(world, order_id) == expected
    assert "NotCollected" in await events(world, order_id)
    level = await world.row("SELECT * FROM location_levels WHERE sku = :s AND location = 'corner'",
                            s=sku)  # fmt: skip
    assert (level.on_hand, level.reserved) == (1, 0)
    await sound(world, order_id)


async def test_what_was_paid_before_is_refunded_when_nobody_comes(world: World) -> None:
    debit = {"kind": "debit", "amount_minor": 1_500, "reference": "pm_card_debit"}
    handle, order_id, _ = await placed(world, pickup_s=1.0, tenders=[debit])
    await ready(world, order_id)
    assert (await handle.result()).outcome == "cancelled"
    money = await world.row(
        "SELECT captured_minor, refunded_minor FROM authorizations WHERE order_id = :o", o=order_id
    )
    assert tuple(money) == (1_500, 1_500)
    await sound(world, order_id)


async def test_a_card_is_held_anew_while_the_parcel_waits(world: World) -> None:
    handle, order_id, _ = await placed(world, authorization_s=1.5)
    await ready(world, order_id)

    async def held_anew() -> Any:
        return await world.row(
            "SELECT 1 FROM authorizations WHERE order_id = :o AND state = 'voided'", o=order_id
        )

    await world.until(held_anew)
    await collect(world, order_id)
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_500, 0)
    await sound(world, order_id)


async def test_a_ready_order_may_still_be_cancelled(world: World) -> None:
    handle, order_id, _ = await placed(world)
    await ready(world, order_id)
    await handle.execute_update(OrderWorkflow.cancel, CancelOrder("customer"))
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    assert "not_collected" not in await mails(world, order_id)
    await sound(world, order_id)


async def test_a_run_that_was_lost_at_the_counter_is_started_anew_and_waits_on(
    world: World,
) -> None:
    handle, order_id, _ = await placed(world)
    part = await ready(world, order_id)
    for run in (child(world, order_id, 1), handle):
        with contextlib.suppress(RPCError):  # its order fails with it
            await run.terminate()
    anew = await world.temporal.start_workflow(
        OrderWorkflow.run,
        OrderInput(order_id, await inbox_id(world, order_id), "shop", world.timings),
        id=order_workflow_id(order_id),
        task_queue=CORE_QUEUE,
    )
    await collect(world, order_id)
    assert (await anew.result()).outcome == "delivered"
    now = await world.row("SELECT * FROM fulfillments WHERE order_id = :o", o=order_id)
    assert now.ready_for_pickup_at == part.ready_for_pickup_at
    assert await ledger(world, order_id) == (1_500, 0)
    await sound(world, order_id)


async def inbox_id(world: World, order_id: str) -> int:
    found = await world.row(
        "SELECT inbox_id FROM inbox WHERE source || '-' || external_id = :o", o=order_id
    )
    return int(found.inbox_id)


async def test_a_store_without_the_goods_refuses_though_others_have_them(world: World) -> None:
    handle, order_id, _ = await placed(world, units=0)
    result = await handle.result()
    assert result.outcome == "refused_stock"
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


async def test_nothing_is_collected_before_it_is_ready(world: World) -> None:
    _, order_id, _ = await placed(world)
    await world.parts(order_id)
    with pytest.raises(WorkflowUpdateFailedError):
        await child(world, order_id, 1).execute_update(FulfillmentWorkflow.collected, BY)


async def test_who_comes_at_the_last_moment_has_it_or_not_but_never_half(world: World) -> None:
    handle, order_id, _ = await placed(world, pickup_s=2.0)
    part = await ready(world, order_id)
    left_s = 2.0 - (await world.row("SELECT extract(epoch FROM now() - :at)::float AS age",
                                    at=part.ready_for_pickup_at)).age  # fmt: skip
    await asyncio.sleep(max(0.0, left_s - 0.02))
    with contextlib.suppress(WorkflowUpdateFailedError, RPCError):  # too late, or its run is over
        await child(world, order_id, 1).execute_update(FulfillmentWorkflow.collected, BY)
    outcome = (await handle.result()).outcome
    paid, _ = await ledger(world, order_id)
    assert (outcome, paid) in {("delivered", 1_500), ("cancelled", 0)}
    await sound(world, order_id)
