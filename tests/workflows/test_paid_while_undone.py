"""A slip that is paid while its order is being undone is refunded, however long that takes."""

from dataclasses import replace
from typing import Any

from temporalio.client import WorkflowUpdateStage

from db.inbox.webhooks import commit_webhook
from tests.workflows.conftest import World
from workflows.messages import CancelOrder, ResolveException
from workflows.order import OrderWorkflow


async def tell_paid(world: World, order_id: str, ref: str, amount_minor: int) -> None:
    """Stripe's webhook about the slip of the second tender."""
    intent = {
        "id": ref, "object": "payment_intent", "amount": amount_minor, "currency": "brl",
        "amount_received": amount_minor, "amount_capturable": 0, "status": "succeeded",
        "created": 1_700_000_000,
        "metadata": {"order": order_id, "key": f"{order_id}:t2:slip:1"},
    }  # fmt: skip
    event = {
        "id": f"evt_{order_id}", "object": "event", "type": "payment_intent.succeeded",
        "created": 1_700_000_000, "data": {"object": intent},
    }  # fmt: skip
    async with world.engine.begin() as tx:
        await commit_webhook(tx, "stripe", event["id"], event)


async def test_a_slip_paid_while_a_hold_cannot_be_voided_is_refunded(world: World) -> None:
    """The run waits at the desk and not for the bank; it gives back what it finds written down."""
    tenders = [
        {"kind": "card", "amount_minor": 1_000, "reference": "pm_card_visa"},
        {"kind": "bank_slip", "amount_minor": 1_500, "reference": "pm_boleto_paid"},
    ]
    sku = await world.sku(west=5)
    document = world.document((sku, 2), currency="BRL", tenders=tenders)
    handle = await world.place(document, replace(world.slow_slips, vendor_patience_s=2.0))
    await handle.execute_update(OrderWorkflow.admission)
    path = "/v1/payment_intents/pi_"
    await world.fault(vendor="stripe", kind="http_500", method="POST", path_prefix=path, times=99)
    order_id = f"shop-{document['external_id']}"
    await handle.start_update(
        OrderWorkflow.cancel,
        CancelOrder("customer", "changed their mind"),
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
    )

    async def waits() -> Any:
        return await world.row(
            "SELECT * FROM exceptions WHERE order_id = :o AND step = 'void payment'", o=order_id
        )

    exception = await world.until(waits)

    async def paid() -> Any:
        payments = (await world.ledger(document))["payments"]
        return next((each for each in payments if each["captured_minor"]), None)

    payment = await world.until(paid)
    await tell_paid(world, order_id, payment["intent"], 1_500)

    async def heard() -> Any:
        return await world.row(
            "SELECT 1 FROM inbox WHERE external_id = :e AND state = 'handled'", e=f"evt_{order_id}"
        )

    await world.until(heard)
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    await handle.execute_update(
        OrderWorkflow.resolve_exception, ResolveException(exception.exception_id, "retry", "test")
    )
    assert (await handle.result()).outcome == "cancelled"
    refunded = {
        each["refunded_minor"] for each in (await world.ledger(document))["payments"]
        if each["captured_minor"]
    }  # fmt: skip
    assert refunded == {1_500}
