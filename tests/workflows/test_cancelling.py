"""Cancellation at each moment: what can be undone is, what left the house goes on."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from db.engine import run
from tests.workflows.conftest import World
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import CancelOrder, LinesDone, fulfillment_workflow_id
from workflows.order import OrderWorkflow

ASKED = CancelOrder("customer", "changed their mind")


def order_id(document: dict[str, Any]) -> str:
    return f"shop-{document['external_id']}"


async def reach(world: World, stage: str) -> tuple[Any, dict[str, Any], str]:
    """Bring an order to a stage: slip (unpaid), open, picked or handed_over."""
    sku = await world.sku(west=5)
    document = world.document((sku, 2))
    if stage == "slip":
        tender = {"kind": "bank_slip", "amount_minor": 2_500, "reference": "pm_boleto_never"}
        document |= {"currency": "BRL", "tenders": [tender]}
    slow = world.slow_slips if stage == "slip" else world.timings
    handle = await world.place(document, slow)
    await handle.execute_update(OrderWorkflow.admission)
    if stage in ("picked", "handed_over"):
        await world.work(document, until="packed" if stage == "handed_over" else "picked")
    elif stage == "open":
        await world.parts(order_id(document))
    if stage == "handed_over":

        async def gone() -> bool:
            [part] = await world.parts(order_id(document))
            return part.handed_over_at is not None

        await world.until(gone)
    return handle, document, sku


async def assert_undone(world: World, document: dict[str, Any], sku: str) -> None:
    order = await world.order(document)
    assert (order.outcome, order.next_step) == ("cancelled", None)
    level = await world.row("SELECT * FROM pool_levels WHERE sku = :sku", sku=sku)
    assert (level.on_hand, level.reserved, level.open_demand) == (5, 0, 0)
    lines = await world.rows("SELECT * FROM order_lines WHERE order_id = :o", o=order_id(document))
    assert all(line.cancelled == line.quantity for line in lines)
    ledger = await world.ledger(document)
    assert all(p["captured_minor"] == p["refunded_minor"] for p in ledger["payments"])
    assert all(label["voided"] for label in ledger["labels"] if label["bought"])


async def cancel(handle: Any) -> str:
    """Ask; an order that has closed meanwhile refuses the question itself."""
    try:
        answer = await handle.execute_update(OrderWorkflow.cancel, ASKED)
    except WorkflowUpdateFailedError as refused:
        if isinstance(refused.cause, ApplicationError) and refused.cause.type == "TooLate":
            return "too_late"
        raise
    return str(answer.result)


@pytest.mark.parametrize("stage", ["slip", "open", "picked"])
async def test_a_customer_may_cancel_until_hand_over(world: World, stage: str) -> None:
    handle, document, sku = await reach(world, stage)
    assert await cancel(handle) == "cancelled"
    assert (await handle.result()).outcome == "cancelled"
    await assert_undone(world, document, sku)


async def test_after_hand_over_a_cancellation_comes_too_late(world: World) -> None:
    handle, document, _ = await reach(world, "handed_over")
    assert await cancel(handle) == "too_late"
    assert (await handle.result()).outcome == "delivered"
    [payment] = (await world.ledger(document))["payments"]
    assert (payment["captured_minor"], payment["refunded_minor"]) == (2_500, 0)


@pytest.mark.parametrize("stage", ["slip", "open", "picked"])
async def test_an_operators_cancellation_undoes_what_was_done(world: World, stage: str) -> None:
    handle, document, sku = await reach(world, stage)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
    await assert_undone(world, document, sku)


async def test_an_operators_cancellation_after_hand_over_is_ignored(world: World) -> None:
    handle, _, _ = await reach(world, "handed_over")
    await handle.cancel()
    assert (await handle.result()).outcome == "delivered"


async def test_wrong_quantities_and_wrong_moments_are_refused(world: World) -> None:
    _, document, _ = await reach(world, "open")
    child = world.temporal.get_workflow_handle(fulfillment_workflow_id(order_id(document), 1))
    for name, lines, kind in (
        (FulfillmentWorkflow.picked, ((1, 1),), "WrongQuantities"),
        (FulfillmentWorkflow.picked, ((2, 2),), "WrongQuantities"),
        (FulfillmentWorkflow.packed, ((1, 2),), "WrongState"),
    ):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await child.execute_update(name, LinesDone("test", lines))
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == kind
    for _ in range(2):  # told twice is no error
        await child.execute_update(FulfillmentWorkflow.picked, LinesDone("test", ((1, 2),)))


async def test_a_run_started_anew_goes_on_undoing_what_an_earlier_one_undid(world: World) -> None:
    """The payment of an order is voided, its run is lost: the next run must not ship it unpaid."""
    handle, document, sku = await reach(world, "open")
    name = order_id(document)
    for lost in (handle, world.temporal.get_workflow_handle(fulfillment_workflow_id(name, 1))):
        await lost.terminate()
    async with world.engine.begin() as tx:
        await run(tx, "UPDATE authorizations SET state = 'voided' WHERE order_id = :o", o=name)
    again = await world.place(document)
    assert (await again.result()).outcome == "cancelled"
    await assert_undone(world, document, sku)
