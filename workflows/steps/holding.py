"""Steps about holds: placing, ending and putting them off, and seeing which are open."""

from datetime import timedelta
from typing import Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.holds import Alter, HoldActivities, Look, OpenHold, Place, Placed
    from activities.scoring import ScoreOrder, ScoringActivities

from domain.holds import within_s
from domain.timings import Timings
from workflows.messages import PlaceHold
from workflows.steps.call import PAYMENTS_QUEUE, locally

__all__ = ["OpenHold", "Placed"]


async def place(order_id: str, hold: PlaceHold, timings: Timings) -> Placed:
    """For as long as its kind lasts, unless it has a date of its own."""
    lasts_s = within_s(hold.kind, timings)
    return await locally(
        HoldActivities.place_hold,
        Place(order_id, hold.kind, hold.key, hold.actor, lasts_s, hold.until),
    )


async def end(
    order_id: str, number: int, how: Literal["released", "expired"], actor: str = "system"
) -> None:
    await locally(HoldActivities.alter_hold, Alter(order_id, number, how, actor))


async def put_off(order_id: str, number: int, by_s: float) -> None:
    """The person who was asked gives it so much more time."""
    await locally(HoldActivities.alter_hold, Alter(order_id, number, "postponed", within_s=by_s))


async def look(order_id: str, timings: Timings) -> tuple[OpenHold, ...]:
    """The open holds, first the one that runs out first; the order keeps its stock meanwhile."""
    spare_s = timings.reservation_s + timings.exception_s
    return (await locally(HoldActivities.look_at_holds, Look(order_id, spare_s))).holds


async def ask_scorer(order_id: str, timings: Timings) -> None:
    """Ask for a second opinion, with little patience: a checkout waits."""
    await workflow.execute_activity_method(
        ScoringActivities.score_order,
        ScoreOrder(order_id, timings.review_s),
        task_queue=PAYMENTS_QUEUE,
        schedule_to_close_timeout=timedelta(seconds=timings.scorer_s),
    )
