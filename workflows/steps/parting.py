"""Steps of fulfillment orders that are divided: what a location lacks, and how parts stand now."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.backorders import BackorderActivities, Fill, Filled
    from activities.routing import Planned
    from activities.shortage import Shortage, ShortageActivities

from domain.timings import Timings
from workflows.messages import FulfillmentInput, LinesDone, Rejection
from workflows.steps.call import DATABASE_RETRY, locally, reported

# Each that waits has a transaction of its own.
SWEEP_TIMEOUT: Final = timedelta(minutes=2)

__all__ = ["Filled", "Planned"]


async def report_short_pick(part: FulfillmentInput, done: LinesDone) -> Planned:
    """Raises: OtherUnits."""
    assert done.reason is not None
    return await reported(
        ShortageActivities.report_shortage,
        _shortage(part, done.reason, done.actor, tuple(line for line in done.lines if line[1])),
    )


async def report_rejection(part: FulfillmentInput, rejection: Rejection) -> Planned:
    return await locally(
        ShortageActivities.report_shortage, _shortage(part, rejection.reason, rejection.actor)
    )


def _shortage(
    part: FulfillmentInput, reason: str, actor: str, picked: tuple[tuple[int, int], ...] = ()
) -> Shortage:
    times = part.timings
    return Shortage(
        fulfillment_id=part.fulfillment_id,
        reason=reason,
        actor=actor,
        pick_s=times.pick_s,
        pack_s=times.pack_s,
        backorder_s=times.backorder_s,
        picked=picked,
    )


async def part_now(fulfillment_id: str) -> Planned:
    return await locally(ShortageActivities.part_now, fulfillment_id)


async def parts_now(order_id: str) -> tuple[Planned, ...]:
    return await locally(ShortageActivities.parts_now, order_id)


async def fill_backorders(sweep: str, timings: Timings) -> tuple[Filled, ...]:
    return await workflow.execute_activity_method(
        BackorderActivities.fill_backorders,
        Fill(sweep, timings.pick_s, timings.backorder_s),
        start_to_close_timeout=SWEEP_TIMEOUT,
        retry_policy=DATABASE_RETRY,
    )
