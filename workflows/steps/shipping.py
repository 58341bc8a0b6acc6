"""Steps of one fulfillment order: warehouse, label, hand-over, tracking."""

from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.fulfillment import (
        Advance,
        Cancellable,
        FulfillmentActivities,
        HandOver,
        Unheard,
    )
    from activities.shipping import Shipped, ShippingActivities

from domain.timings import Timings
from workflows.messages import FulfillmentInput, LinesDone
from workflows.refusals import OnHold
from workflows.steps.call import CARRIERS_QUEUE, at_vendor, cause_of, locally, reported

__all__ = ["Cancellable", "Shipped", "Unheard"]

# Longer than a run takes to begin with the label, in seconds.
UNHEARD_AFTER_S: Final = 30.0


async def record_picked(part: FulfillmentInput, done: LinesDone) -> float | None:
    """Return within how many seconds it should be packed, unless it was known as picked.

    Raises: OtherUnits.
    """
    within_s = part.timings.pack_s
    to = Advance(part.fulfillment_id, "picked", done.actor, "pack", within_s, done.lines)
    return await reported(FulfillmentActivities.advance, to)


async def record_packed(part: FulfillmentInput, done: LinesDone) -> None:
    """Raises: OtherUnits."""
    within_s = part.timings.vendor_patience_s
    to = Advance(part.fulfillment_id, "packed", done.actor, "buy label", within_s, done.lines)
    await reported(FulfillmentActivities.advance, to)


async def recorded_state(part: FulfillmentInput) -> str:
    return await locally(FulfillmentActivities.recorded_state, part.fulfillment_id)


async def unheard_reports() -> tuple[Unheard, ...]:
    """Find what was packed, and whose run does not know it."""
    return await locally(FulfillmentActivities.unheard_reports, UNHEARD_AFTER_S)


async def record_end(part: FulfillmentInput, state: str) -> None:
    """Record `delivered` or `lost`."""
    await locally(FulfillmentActivities.advance, Advance(part.fulfillment_id, state))


async def create_shipment(part: FulfillmentInput) -> None:
    await at_vendor(
        ShippingActivities.create_shipment,
        part.fulfillment_id,
        queue=CARRIERS_QUEUE,
        timings=part.timings,
    )


async def buy_label(part: FulfillmentInput) -> Shipped:
    return await at_vendor(
        ShippingActivities.buy_label,
        part.fulfillment_id,
        queue=CARRIERS_QUEUE,
        timings=part.timings,
    )


async def void_label(part: FulfillmentInput) -> None:
    await at_vendor(
        ShippingActivities.void_label,
        part.fulfillment_id,
        queue=CARRIERS_QUEUE,
        timings=part.timings,
    )


async def begin_hand_over(part: FulfillmentInput) -> bool:
    """False when a cancellation came first. Raises: OnHold."""
    within_s = part.timings.vendor_patience_s
    try:
        return await locally(
            FulfillmentActivities.begin_hand_over, HandOver(part.fulfillment_id, within_s)
        )
    except FailureError as failed:
        cause = cause_of(failed)
        if isinstance(cause, ApplicationError) and cause.type == "OnHold":
            raise OnHold from failed
        raise


async def hand_over(part: FulfillmentInput) -> None:
    within_s = part.timings.lost_s
    await locally(FulfillmentActivities.hand_over, HandOver(part.fulfillment_id, within_s))


async def cancel_fulfillment(part: FulfillmentInput) -> bool:
    return await locally(FulfillmentActivities.cancel_fulfillment, part.fulfillment_id)


async def request_cancellation(order_id: str) -> Cancellable:
    return await locally(FulfillmentActivities.request_cancellation, order_id)


async def poll_tracking(part: FulfillmentInput, timings: Timings) -> str:
    return await at_vendor(
        ShippingActivities.poll_tracking,
        part.fulfillment_id,
        queue=CARRIERS_QUEUE,
        timings=timings,
    )
