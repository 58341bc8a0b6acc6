"""Steps from the document to the plan: admit, verify, reserve, route, close."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.admission import (
        AdmissionActivities,
        Admit,
        Admitted,
        TenderFact,
        Verified,
    )
    from activities.closing import Close, Closed, ClosingActivities
    from activities.pruning import PruningActivities
    from activities.reserving import Reserve, Reserved
    from activities.routing import Planned, Routed, RouteOrder, RoutingActivities
    from activities.stock import StockActivities

from domain.timings import Timings
from workflows.messages import OrderInput
from workflows.steps.call import CARRIERS_QUEUE, at_vendor, locally

SWEEP_TIMEOUT: Final = timedelta(minutes=2)

__all__ = ["Admitted", "Planned", "Routed", "TenderFact", "Verified"]


async def admit(order: OrderInput) -> Admitted:
    times = order.timings
    want = Admit(
        order.order_id, order.inbox_id, times.vendor_patience_s, times.grace_s, times.review_s
    )
    return await locally(AdmissionActivities.admit, want)


async def verify_address(order_id: str, timings: Timings) -> Verified:
    return await at_vendor(
        AdmissionActivities.verify_address,
        order_id,
        queue=CARRIERS_QUEUE,
        timings=timings,
    )


async def reserve(order_id: str, expires_s: float, timings: Timings) -> Reserved:
    return await locally(
        StockActivities.reserve, Reserve(order_id, expires_s, timings.vendor_patience_s)
    )


async def release_stock(order_id: str) -> None:
    await locally(StockActivities.release_stock, order_id)


async def route(order_id: str, timings: Timings, *, is_reserved_anew: bool = False) -> Routed:
    about = RouteOrder(order_id, timings.pick_s, timings.backorder_s, is_reserved_anew)
    return await locally(RoutingActivities.route, about)


async def close_order(
    order_id: str, outcome: str, reason: str | None, skipped: Collection[str]
) -> Closed:
    to = Close(order_id, outcome, reason, tuple(sorted(skipped)))
    return await locally(ClosingActivities.close_order, to)


async def expire_reservations() -> int:
    return await workflow.execute_activity_method(
        StockActivities.expire_reservations, start_to_close_timeout=SWEEP_TIMEOUT
    )


async def forget_answers() -> int:
    """What is not done in time is left to the next run."""
    return await workflow.execute_activity_method(
        PruningActivities.forget_answers, start_to_close_timeout=SWEEP_TIMEOUT
    )
