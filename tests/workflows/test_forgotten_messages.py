"""A worker dies between what a message did and the keeping of it: nobody waits for it for ever."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from db.engine import run
from tests.workflows.conftest import World
from tests.workflows.test_parcels_on_the_road import on_the_road
from workflows.fulfillment import FulfillmentWorkflow
from workflows.housekeeping import ReminderWorkflow
from workflows.messages import CORE_QUEUE, CancelOrder, LinesDone, fulfillment_workflow_id
from workflows.order import OrderWorkflow


async def one_part(world: World) -> tuple[WorkflowHandle[Any, Any], Any, LinesDone, Any]:
    document = world.document((await world.sku(west=5), 1))
    order = await world.place(document)
    [part] = await world.parts(f"shop-{document['external_id']}")
    run_id = fulfillment_workflow_id(part.order_id, part.number)
    done = LinesDone("test", tuple((line, count) for line, count in part.lines))
    return order, part, done, world.temporal.get_workflow_handle(run_id)


async def forget(world: World, part: Any, state: str, age_s: int = 0) -> None:
    """Write what the forgotten report wrote."""
    async with world.engine.begin() as tx:
        await run(
            tx,
            f"""
            UPDATE fulfillments SET state = :state,
                {state}_at = now() - make_interval(secs => :age_s)
            WHERE fulfillment_id = :f
            """,
            state=state,
            age_s=age_s,
            f=part.fulfillment_id,
        )


async def test_packing_goes_on_from_a_picking_that_the_run_has_forgotten(world: World) -> None:
    order, part, done, story = await one_part(world)
    await forget(world, part, "picked")
    await story.execute_update(FulfillmentWorkflow.packed, done)
    assert (await order.result()).outcome == "delivered"


async def test_nobody_packs_what_nobody_picked(world: World) -> None:
    order, _, done, story = await one_part(world)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await story.execute_update(FulfillmentWorkflow.packed, done)
    assert refused.value.cause.type == "WrongState"  # type: ignore[union-attr]
    await story.execute_update(FulfillmentWorkflow.picked, done)
    await story.execute_update(FulfillmentWorkflow.packed, done)
    assert (await order.result()).outcome == "delivered"


async def test_a_packing_that_the_run_has_forgotten_is_told_again(world: World) -> None:
    order, part, _, _ = await one_part(world)
    await forget(world, part, "packed", age_s=60)
    told = await world.temporal.execute_workflow(
        ReminderWorkflow.run, id=f"remind-{part.fulfillment_id}", task_queue=CORE_QUEUE
    )
    assert told >= 1
    assert (await order.result()).outcome == "delivered"


async def test_a_part_whose_run_has_ended_holds_no_reminder_up(world: World) -> None:
    order, part, done, story = await one_part(world)
    for report in (FulfillmentWorkflow.picked, FulfillmentWorkflow.packed):
        await story.execute_update(report, done)
    await order.result()
    async with world.engine.begin() as tx:
        await run(tx, "DELETE FROM labels WHERE fulfillment_id = :f", f=part.fulfillment_id)
        await run(
            tx,
            """
            UPDATE fulfillments SET state = 'packed', ended_at = NULL, next_step = 'buy label',
                next_deadline = now(), packed_at = now() - interval '1 minute'
            WHERE fulfillment_id = :f
            """,
            f=part.fulfillment_id,
        )
    name = f"remind-{part.fulfillment_id}"
    told = await world.temporal.execute_workflow(
        ReminderWorkflow.run, id=name, task_queue=CORE_QUEUE
    )
    assert told >= 1


async def test_a_cancellation_is_kept_before_it_takes_effect(world: World) -> None:
    """In its history a workflow task lies between the message and what it did."""
    order, _, _, _ = await one_part(world)
    await order.execute_update(OrderWorkflow.cancel, CancelOrder("test"))
    assert (await order.result()).outcome == "cancelled"
    story = [_name(event) for event in (await order.fetch_history()).events]
    story = story[story.index("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") :]
    assert "WORKFLOW_TASK_COMPLETED" in story[: story.index("core_local_activity")]


async def test_that_a_person_is_asked_is_kept_before_the_exception_is_there(world: World) -> None:
    """Else a run that loses the task has other news by then, and the exception waits for nobody."""
    document = world.document((await world.sku(west=5), 1))
    order = await world.place(document, replace(world.timings, pick_s=0.3))
    order_id = f"shop-{document['external_id']}"

    async def asked() -> Any:
        return await world.row("SELECT * FROM exceptions WHERE order_id = :o", o=order_id)

    waiting = await world.until(asked)
    assert waiting.reason == "pick_overdue"
    await world.work(document)
    assert (await order.result()).outcome == "delivered"
    parcel = world.temporal.get_workflow_handle(waiting.workflow_id)
    story = [_name(event) for event in (await parcel.fetch_history()).events]
    story = story[story.index("TIMER_FIRED") :]  # the warehouse is late
    assert "TIMER_STARTED" in story[: story.index("core_local_activity")]


@pytest.mark.parametrize("channel", ["careful", "generous"])
async def test_what_the_playbook_says_is_kept_before_it_is_done(world: World, channel: str) -> None:
    """Else a run that loses the task asks again about a parcel that was written off, for ever."""
    _, order_id = await on_the_road(world, "Damaged", channel)

    async def is_written_off() -> Any:
        found = await world.row("SELECT * FROM fulfillments WHERE order_id = :o AND number = 1",
                                o=order_id)  # fmt: skip
        return found if found.state == "lost" else None

    await world.until(is_written_off)
    parcel = world.temporal.get_workflow_handle(fulfillment_workflow_id(order_id, 1))
    await parcel.result()
    story = [_name(event) for event in (await parcel.fetch_history()).events]
    markers = [at for at, name in enumerate(story) if name == "core_local_activity"]
    assert "TIMER_FIRED" in story[markers[-2] : markers[-1]], story[markers[-2] :]


def _name(event: Any) -> str:
    """A marker's name, or the event's type."""
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    return event.marker_recorded_event_attributes.marker_name or kind
