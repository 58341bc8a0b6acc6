"""A step that cannot go on waits for a person, and does what the person decides."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from tests.workflows.conftest import World
from workflows.messages import ResolveException
from workflows.order import OrderWorkflow


async def stuck(world: World) -> tuple[Any, dict[str, Any], Any]:
    """Place an order while payments are away for longer than patience lasts."""
    sku = await world.sku(west=5)
    document = world.document((sku, 1))
    await world.fault(vendor="stripe", kind="http_500", path_prefix="/v1", times=50)
    handle = await world.place(document, replace(world.timings, vendor_patience_s=2.0))
    order_id = f"shop-{document['external_id']}"

    async def raised() -> Any:
        return await world.row("SELECT * FROM exceptions WHERE order_id = :o", o=order_id)

    exception = await world.until(raised)
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    return handle, document, exception


async def test_an_outage_beyond_patience_waits_and_a_retry_goes_on(world: World) -> None:
    handle, document, waiting = await stuck(world)
    assert (waiting.state, waiting.step) == ("open", "take payment")
    assert waiting.deadline is not None
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(
            OrderWorkflow.resolve_exception,
            ResolveException(waiting.exception_id, "skip", "test"),
        )
    await handle.execute_update(
        OrderWorkflow.resolve_exception, ResolveException(waiting.exception_id, "retry", "test")
    )
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    [payment] = [p for p in (await world.ledger(document))["payments"] if p["captured_minor"]]
    assert payment["captured_minor"] == 1_500


async def test_an_operator_may_decide_to_undo_instead(world: World) -> None:
    handle, document, waiting = await stuck(world)
    await handle.execute_update(
        OrderWorkflow.resolve_exception,
        ResolveException(waiting.exception_id, "compensate", "test"),
    )
    assert (await handle.result()).outcome == "cancelled"
    for payment in (await world.ledger(document))["payments"]:
        assert payment["captured_minor"] == 0
    resolved = await world.row(
        "SELECT * FROM exceptions WHERE exception_id = :x", x=waiting.exception_id
    )
    assert (resolved.state, resolved.resolution) == ("resolved", "compensate")


async def test_nothing_is_asked_any_more_of_what_an_operator_cancelled(world: World) -> None:
    handle, _, waiting = await stuck(world)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    found = await world.rows("SELECT * FROM exceptions WHERE order_id = :o", o=waiting.order_id)
    assert [(each.exception_id, each.state, each.resolution) for each in found] == [
        (waiting.exception_id, "resolved", "moot")
    ]
    order = await world.row("SELECT * FROM orders WHERE order_id = :o", o=waiting.order_id)
    assert (order.outcome, order.next_step) == ("cancelled", None)
