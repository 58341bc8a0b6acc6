"""Steps that move money: take, settle a slip, capture, give back."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.closing import Closed, ClosingActivities
    from activities.payments import (
        INTERNAL,
        CaptureShare,
        PaymentActivities,
        SlipRef,
        SlipState,
        Take,
        Taken,
    )
    from activities.renewing import Lapsing, OldAuthorization, RenewingActivities
    from activities.settlement import Due, SettlementActivities

from domain.timings import Timings
from workflows.messages import FulfillmentInput
from workflows.steps.call import PAYMENTS_QUEUE, at_vendor, locally

__all__ = ["Due", "OldAuthorization", "Taken"]


async def take(
    order_id: str,
    tender_no: int,
    kind: str,
    timings: Timings,
    *,
    fulfillment_number: int | None = None,
    attempt: int = 1,
) -> Taken:
    """Take a tender whole, or the share of one fulfillment order."""
    want = Take(
        order_id=order_id,
        tender_no=tender_no,
        slip_days=timings.slip_days,
        slip_within_s=timings.slip_expiry_s + timings.slip_grace_s,
        fulfillment_number=fulfillment_number,
        attempt=attempt,
    )
    if kind in INTERNAL:
        return await locally(PaymentActivities.take, want)
    return await at_vendor(PaymentActivities.take, want, queue=PAYMENTS_QUEUE, timings=timings)


async def settle_slip(order_id: str, tender_no: int, *, paid: bool) -> None:
    await locally(PaymentActivities.settle_slip, SlipState(order_id, tender_no, paid))


async def slip_is_paid(order_id: str, tender_no: int, timings: Timings) -> bool:
    return await at_vendor(
        PaymentActivities.slip_is_paid,
        SlipRef(order_id, tender_no),
        queue=PAYMENTS_QUEUE,
        timings=timings,
    )


async def capture(part: FulfillmentInput, tender_no: int) -> None:
    await at_vendor(
        PaymentActivities.capture,
        CaptureShare(part.order_id, part.fulfillment_id, part.number, tender_no),
        queue=PAYMENTS_QUEUE,
        timings=part.timings,
    )


async def lapsing_authorizations(part: FulfillmentInput) -> tuple[OldAuthorization, ...]:
    about = Lapsing(part.fulfillment_id, part.timings.authorization_s)
    return await locally(RenewingActivities.lapsing_authorizations, about)


async def money_due(order_id: str) -> Closed:
    return await locally(ClosingActivities.money_due, order_id)


async def settle(order_id: str, due: Due, timings: Timings) -> None:
    """Make one due movement: find out what an unknown intent did, void, or refund."""
    if due.operation == "finish":
        await _finish(order_id, due, timings)
        return
    await at_vendor(
        SettlementActivities.give_back,
        due,
        queue=PAYMENTS_QUEUE,
        timings=timings,
    )


async def _finish(order_id: str, due: Due, timings: Timings) -> None:
    """Repeat an act under its own key: the vendor answers what became of it."""
    part, _, attempt = due.subject.removeprefix(f"{order_id}:").split(":")
    number = part.partition(".")[0] if "." in part else None
    await take(
        order_id,
        due.tender_no,
        "",
        timings,
        fulfillment_number=int(number.removeprefix("f")) if number else None,
        attempt=int(attempt),
    )
