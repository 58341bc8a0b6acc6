"""Money that a person leaves where it is: the order closes, and nobody is asked for it again."""

from dataclasses import replace
from typing import Any

from temporalio.client import WorkflowUpdateStage

from db.queries.audit import unequal_closings
from tests.workflows.conftest import World
from tests.workflows.test_paid_while_undone import tell_paid
from tests.workflows.test_parcels_on_the_road import asked
from tests.workflows.test_short_picks import ledger, sound
from workflows.messages import CancelOrder, ResolveException
from workflows.order import OrderWorkflow

ASKED = CancelOrder("customer", "changed their mind")


async def skip(world: World, handle: Any, exception: Any) -> None:
    """Let the vendor answer again, so that a further attempt would succeed."""
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    decision = ResolveException(exception.exception_id, "skip", "test", "paid in cash")
    await handle.execute_update(OrderWorkflow.resolve_exception, decision)


async def asked_once(world: World, order_id: str) -> None:
    found = await world.rows("SELECT step FROM exceptions WHERE order_id = :o", o=order_id)
    assert len(found) == 1


async def test_a_skipped_refund_stays_as_it_is_and_the_order_closes(world: World) -> None:
    tender = {"kind": "debit", "amount_minor": 2_500, "reference": "pm_card_visa_debit"}
    impatient = replace(world.timings, vendor_patience_s=2.0)
    document = world.document((await world.sku(west=5), 2), tenders=[tender])
    handle = await world.place(document, impatient)
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"shop-{document['external_id']}"
    await world.parts(order_id)
    await world.fault(
        vendor="stripe", kind="http_500", method="POST", path_prefix="/v1/refunds", times=99
    )
    await handle.execute_update(OrderWorkflow.cancel, ASKED)
    exception = await asked(world, order_id, "step_exhausted")
    assert (exception.step, exception.resolutions) == ("refund payment", ["retry", "skip"])
    await skip(world, handle, exception)
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (2_500, 0)
    await asked_once(world, order_id)
    await sound(world, order_id)
    async with world.engine.connect() as tx:
        assert order_id not in {each[0] for each in await unequal_closings(tx)}


async def undone_without_its_void(world: World) -> tuple[Any, str]:
    """An order of a card and a slip is cancelled before it is paid; a person skips the void."""
    tenders = [
        {"kind": "card", "amount_minor": 1_000, "reference": "pm_card_visa"},
        {"kind": "bank_slip", "amount_minor": 1_500, "reference": "pm_boleto_paid"},
    ]
    sku = await world.sku(west=5)
    document = world.document((sku, 2), currency="BRL", tenders=tenders)
    handle = await world.place(document, replace(world.slow_slips, vendor_patience_s=2.0))
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"shop-{document['external_id']}"
    path = "/v1/payment_intents/pi_"
    await world.fault(vendor="stripe", kind="http_500", method="POST", path_prefix=path, times=99)
    await handle.start_update(
        OrderWorkflow.cancel, ASKED, wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    exception = await asked(world, order_id, "step_exhausted")
    assert exception.step == "void payment"
    await skip(world, handle, exception)
    return handle, order_id


async def holds_the_card(world: World, order_id: str) -> None:
    held = await world.row(
        "SELECT state FROM authorizations WHERE order_id = :o AND tender_no = 1", o=order_id
    )
    assert held.state == "held"


async def test_what_was_skipped_while_undoing_is_not_asked_again_at_the_end(world: World) -> None:
    handle, order_id = await undone_without_its_void(world)
    assert (await handle.result()).outcome == "cancelled"
    await holds_the_card(world, order_id)
    await asked_once(world, order_id)
    await sound(world, order_id)


async def test_a_slip_that_is_paid_late_is_given_back_alone(world: World) -> None:
    """What a person skipped of the order's other tender stays as it is."""
    handle, order_id = await undone_without_its_void(world)
    await handle.result()

    async def paid() -> Any:
        payments = (await world.sandbox.get("/_/ledger")).json()["payments"]
        return next(
            (each for each in payments if each["order"] == order_id and each["captured_minor"]),
            None,
        )

    await tell_paid(world, order_id, (await world.until(paid))["intent"], 1_500)

    async def refunded() -> Any:
        return await world.row(
            "SELECT 1 FROM payment_events WHERE order_id = :o AND event = 'refunded'", o=order_id
        )

    await world.until(refunded)
    await world.temporal.get_workflow_handle(f"late-{order_id}-t2").result()
    assert await ledger(world, order_id) == (0, 0)
    await holds_the_card(world, order_id)
