"""Orders on hold: released, run out, cancelled, corrected, and met again by a run started anew."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from db.engine import run
from db.inbox import corrections
from tests.workflows.conftest import World
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import (
    AddressCorrected,
    CancelOrder,
    CorrectAddress,
    LinesDone,
    PlaceHold,
    ReleaseHold,
    ResolveException,
    fulfillment_workflow_id,
)
from workflows.order import OrderWorkflow

POLICY = {"review_from": 20, "large_minor": {"USD": 1_000}}
NOWHERE = "1 UNDELIVERABLE Road"


def order_id(document: dict[str, Any]) -> str:
    return f"shop-{document['external_id']}"


async def change(world: World, statement: str, **values: Any) -> None:
    async with world.engine.begin() as tx:
        await run(tx, statement, **values)


async def holds_of(world: World, document: dict[str, Any]) -> list[tuple[str, str]]:
    found = await world.rows(
        "SELECT kind, state FROM holds WHERE order_id = :o ORDER BY number", o=order_id(document)
    )
    return [(hold.kind, hold.state) for hold in found]


async def on_hold(world: World, document: dict[str, Any]) -> Any:
    """Wait until the order says that it waits for a hold."""

    async def waits() -> Any:
        order = await world.order(document)
        return order if order and (order.next_step or "").startswith("release hold") else None

    return await world.until(waits)


async def preorder(world: World, until: datetime) -> tuple[WorkflowHandle[Any, Any], Any, str]:
    """Place an order of goods that can be shipped from then on."""
    sku = await world.sku(west=5)
    await change(world, "UPDATE products SET available_from = :u WHERE sku = :s", u=until, s=sku)
    document = world.document((sku, 1))
    handle = await world.place(document)
    return handle, document, sku


def later(**delta: float) -> datetime:
    return datetime.now(UTC) + timedelta(**delta)


async def test_a_preorder_keeps_its_stock_until_its_date_and_is_then_routed(world: World) -> None:
    until = later(seconds=2)
    handle, document, sku = await preorder(world, until)
    admission = await handle.execute_update(OrderWorkflow.admission)
    assert admission.status == "admitted"
    waiting = await on_hold(world, document)
    assert (waiting.next_step, waiting.next_deadline) == ("release hold 1: preorder_date", until)
    held = await world.row("SELECT * FROM reservations WHERE sku = :s", s=sku)
    assert (held.state, held.expires_at > until) == ("held", True)
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    assert await holds_of(world, document) == [("preorder_date", "expired")]


async def test_goods_that_come_later_than_announced_move_their_preorders(world: World) -> None:
    handle, document, sku = await preorder(world, later(seconds=1.5))
    await on_hold(world, document)
    moved = later(seconds=3)
    await change(world, "UPDATE products SET available_from = :u WHERE sku = :s", u=moved, s=sku)
    [part] = await world.parts(order_id(document))
    assert part.created_at >= moved
    assert (await handle.execute_update(OrderWorkflow.cancel, CancelOrder("me"))).result


async def test_a_suspicious_order_waits_for_a_person_and_goes_on_when_released(
    world: World,
) -> None:
    await change(
        world, "UPDATE channels SET fraud_policy = CAST(:p AS jsonb)", p=json.dumps(POLICY)
    )
    try:
        document = world.document((await world.sku(west=5), 1))
        handle = await world.place(document)
        await on_hold(world, document)
    finally:
        await change(world, "UPDATE channels SET fraud_policy = NULL")
    assert await holds_of(world, document) == [("fraud_review", "open")]
    assert (await world.ledger(document))["payments"][0]["captured_minor"] == 0
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    story = await world.rows(
        "SELECT event, actor FROM order_events WHERE order_id = :o AND event LIKE 'Hold%' "
        "ORDER BY sequence",
        o=order_id(document),
    )
    assert [tuple(event) for event in story] == [("HoldPlaced", "system"), ("HoldReleased", "anna")]


async def undeliverable(world: World, **timings: float) -> tuple[WorkflowHandle[Any, Any], Any]:
    """Place an order that nobody can deliver, in a channel that would rather wait."""
    await change(world, "UPDATE channels SET undeliverable = 'hold'")
    document = world.document((await world.sku(west=5), 1))
    document["ship_to"]["line1"] = NOWHERE
    handle = await world.place(document, replace(world.timings, **timings))
    await on_hold(world, document)
    await change(world, "UPDATE channels SET undeliverable = 'refuse'")
    return handle, document


async def test_a_corrected_address_is_verified_and_lets_the_order_go_on(world: World) -> None:
    handle, document = await undeliverable(world)
    right = world.document()["ship_to"]
    for line1, deliverable in ((NOWHERE, False), (right["line1"], True)):
        async with world.engine.begin() as tx:
            await corrections.keep(tx, order_id(document), right | {"line1": line1}, "anna")
        answer = await handle.execute_update(OrderWorkflow.correct_address, CorrectAddress("anna"))
        assert answer == AddressCorrected(deliverable)
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    assert await holds_of(world, document) == [("address_problem", "released")]
    order = await world.order(document)
    assert (order.address_verified, "UNDELIVERABLE" in order.ship_to["line1"]) == (True, False)


async def test_an_address_nobody_corrects_ends_the_order_and_gives_all_back(world: World) -> None:
    handle, document = await undeliverable(world, correction_s=0.5)
    assert (await handle.result()).outcome == "refused_address"
    assert await holds_of(world, document) == [("address_problem", "closed")]
    [payment] = (await world.ledger(document))["payments"]
    assert payment["captured_minor"] == payment["refunded_minor"]
    sku = document["lines"][0]["sku"]
    level = await world.row("SELECT * FROM pool_levels WHERE sku = :s", s=sku)
    assert (level.open_demand, level.reserved) == (0, 0)


async def test_a_cancellation_in_the_grace_period_is_simply_a_cancellation(world: World) -> None:
    document = world.document((await world.sku(west=5), 1))
    handle = await world.place(document, replace(world.timings, grace_s=60.0))
    await on_hold(world, document)
    answer = await handle.execute_update(OrderWorkflow.cancel, CancelOrder("buyer"))
    assert answer.result == "cancelled"
    assert (await handle.result()).outcome == "cancelled"
    assert await holds_of(world, document) == [("grace_period", "closed")]


async def test_a_grace_period_that_is_over_lets_the_order_go_on(world: World) -> None:
    document = world.document((await world.sku(west=5), 1))
    handle = await world.place(document, replace(world.timings, grace_s=0.5))
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    assert await holds_of(world, document) == [("grace_period", "expired")]


async def test_a_run_started_anew_meets_its_holds_and_applies_no_rule_twice(world: World) -> None:
    document = world.document((await world.sku(west=5), 1))
    timings = replace(world.timings, grace_s=60.0)
    lost = await world.place(document, timings)
    await on_hold(world, document)
    await lost.terminate()
    handle = await world.place(document, timings)
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    assert await holds_of(world, document) == [("grace_period", "released")]


async def open_exception(world: World, document: dict[str, Any]) -> Any:
    async def asked() -> Any:
        return await world.row(
            "SELECT * FROM exceptions WHERE order_id = :o AND state = 'open'", o=order_id(document)
        )

    return await world.until(asked)


async def held_by_hand(
    world: World, kind: str, **timings: float
) -> tuple[WorkflowHandle[Any, Any], Any]:
    """An order whose only parcel is open, put on hold by staff."""
    document = world.document((await world.sku(west=5), 1))
    handle = await world.place(document, replace(world.timings, **timings))
    await world.parts(order_id(document))
    placed = await handle.execute_update(
        OrderWorkflow.place_hold, PlaceHold("anna", kind, "request-1")
    )
    assert placed.number == 1
    return handle, document


async def test_a_review_nobody_does_asks_its_owner_who_may_wait_or_undo(world: World) -> None:
    handle, document = await held_by_hand(world, "fraud_review", review_s=0.5, exception_s=0.5)
    first = await open_exception(world, document)
    assert (first.reason, first.owner) == ("fraud_review_overdue", "fraud")
    decision = ResolveException(first.exception_id, "retry", "anna")
    await handle.execute_update(OrderWorkflow.resolve_exception, decision)
    second = await open_exception(world, document)
    assert second.exception_id != first.exception_id
    decision = ResolveException(second.exception_id, "compensate", "anna")
    await handle.execute_update(OrderWorkflow.resolve_exception, decision)
    assert (await handle.result()).outcome == "cancelled"
    assert await holds_of(world, document) == [("fraud_review", "closed")]


async def test_releasing_a_hold_makes_its_exception_moot(world: World) -> None:
    handle, document = await held_by_hand(world, "channel_hold", hold_s=0.5)
    asked = await open_exception(world, document)
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    found = await world.row(
        "SELECT resolution FROM exceptions WHERE exception_id = :x", x=asked.exception_id
    )
    assert found.resolution == "moot"


async def test_a_parcel_on_hold_is_neither_picked_nor_shipped_until_released(world: World) -> None:
    handle, document = await held_by_hand(world, "customer_request")
    child = world.temporal.get_workflow_handle(fulfillment_workflow_id(order_id(document), 1))
    done = LinesDone("test", ((1, 1),))

    async def picked() -> bool:
        try:
            await child.execute_update(FulfillmentWorkflow.picked, done)
        except WorkflowUpdateFailedError as failed:
            return getattr(failed.cause, "type", "") != "WrongState"
        return True

    assert not await picked()
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))
    await world.until(picked)
    await child.execute_update(FulfillmentWorkflow.packed, done)
    assert (await handle.result()).outcome == "delivered"


async def test_a_hold_the_parcel_was_not_told_of_still_keeps_it_in_the_house(world: World) -> None:
    document = world.document((await world.sku(west=5), 1))
    handle = await world.place(document)
    await world.work(document, until="picked")
    await change(
        world,
        "INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,"
        " placed_by) VALUES (:o, 1, 'x', 'payment_review', '{shipping}', 'payments', 'escalate',"
        " 'open', now() + interval '1 day', 'x')",
        o=order_id(document),
    )
    child = world.temporal.get_workflow_handle(fulfillment_workflow_id(order_id(document), 1))
    await child.execute_update(FulfillmentWorkflow.packed, LinesDone("test", ((1, 1),)))

    async def labelled() -> Any:
        return await world.row(
            "SELECT 1 FROM labels JOIN fulfillments USING (fulfillment_id)"
            " WHERE order_id = :o AND labels.state = 'bought'",
            o=order_id(document),
        )

    await world.until(labelled)
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))
    assert (await handle.result()).outcome == "delivered"
    part = await world.row("SELECT * FROM fulfillments WHERE order_id = :o", o=order_id(document))
    hold = await world.row("SELECT * FROM holds WHERE order_id = :o", o=order_id(document))
    assert part.handed_over_at > hold.ended_at


async def test_a_parcel_on_hold_can_be_cancelled(world: World) -> None:
    handle, document = await held_by_hand(world, "customer_request")
    answer = await handle.execute_update(OrderWorkflow.cancel, CancelOrder("buyer"))
    assert answer.result == "cancelled"
    assert (await handle.result()).outcome == "cancelled"
    assert await holds_of(world, document) == [("customer_request", "closed")]


async def test_a_run_started_anew_keeps_its_parcels_on_hold(world: World) -> None:
    lost, document = await held_by_hand(world, "customer_request")
    name = fulfillment_workflow_id(order_id(document), 1)
    # The parcel first: an order that ends asks its parcels to be cancelled.
    await world.temporal.get_workflow_handle(name).terminate()
    with contextlib.suppress(RPCError):  # it may have failed by that already
        await lost.terminate()
    handle = await world.place(document)
    child = world.temporal.get_workflow_handle(name)

    async def refused() -> bool:
        try:
            await child.execute_update(FulfillmentWorkflow.picked, LinesDone("test", ((1, 1),)))
        except WorkflowUpdateFailedError:
            return True
        except RPCError:  # it is still the lost run
            return False
        raise AssertionError("a parcel on hold was picked")

    await world.until(refused)
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))

    async def worked() -> bool:
        try:
            await world.work(document)
        except WorkflowUpdateFailedError:
            return False
        return True

    await world.until(worked)
    assert (await handle.result()).outcome == "delivered"


async def test_a_closed_order_takes_no_hold(world: World) -> None:
    document = world.document((await world.sku(west=5), 1))
    handle = await world.place(document)
    await world.work(document)

    async def gone() -> Any:
        return await world.row(
            "SELECT 1 FROM fulfillments WHERE order_id = :o AND handed_over_at IS NOT NULL",
            o=order_id(document),
        )

    await world.until(gone)
    with pytest.raises(WorkflowUpdateFailedError) as late:
        await handle.execute_update(
            OrderWorkflow.place_hold, PlaceHold("anna", "customer_request", "late")
        )
    assert isinstance(late.value.cause, ApplicationError)
    assert late.value.cause.type == "TooLate"
    assert (await handle.result()).outcome == "delivered"


async def test_stock_lost_while_on_hold_is_waited_for_and_not_oversold(world: World) -> None:
    document = world.document((await world.sku(west=1), 1))
    sku = document["lines"][0]["sku"]
    handle = await world.place(document, replace(world.timings, grace_s=60.0))
    await on_hold(world, document)
    # The sweep, long after everybody's patience; and another buyer takes the unit.
    await change(
        world,
        "UPDATE reservations SET expires_at = now() - interval '1 s' WHERE order_id = :o",
        o=order_id(document),
    )
    await world.temporal.execute_workflow(
        "ReservationExpiryWorkflow", id=f"expire-{order_id(document)}", task_queue="core"
    )
    rival = world.document((sku, 1))
    quick = await world.place(rival)
    assert (await quick.execute_update(OrderWorkflow.admission)).status == "admitted"
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))

    async def short() -> bool:
        return ("stock_shortage", "open") in await holds_of(world, document)

    await world.until(short)
    await quick.execute_update(OrderWorkflow.cancel, CancelOrder("rival"))
    await quick.result()
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 2))
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
