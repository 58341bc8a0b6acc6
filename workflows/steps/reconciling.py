"""Steps that read others' books, compare them with ours, and tell of what waits too long."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.escalation import EscalationActivities
    from activities.reconciling.books import (
        LABELS,
        PAYMENTS,
        RUNS,
        BookActivities,
        LookAt,
        Read,
        ReadPage,
    )
    from activities.reconciling.tasks import Began, TaskActivities

from domain.timings import MINUTE, Timings
from workflows.steps.call import (
    CARRIERS_QUEUE,
    CHANNELS_QUEUE,
    DATABASE_RETRY,
    PAYMENTS_QUEUE,
    at_vendor,
    locally,
)

__all__ = ["RUNS", "Began", "LookAt", "Read"]

PATIENT: Final = Timings(vendor_patience_s=10 * MINUTE)
# Reads everything that is open, or was begun within the window, and asks Temporal about it.
COMPARING_TIMEOUT: Final = timedelta(minutes=10)


async def begin_look(scope: str) -> Began:
    return await locally(TaskActivities.begin_look, scope)


async def read_page(look: LookAt, cursor: str | None) -> Read:
    """Read one page of the books that the look's scope names."""
    if look.scope == PAYMENTS:
        read, queue = BookActivities.read_payments, PAYMENTS_QUEUE
    elif look.scope == LABELS:
        read, queue = BookActivities.read_labels, CARRIERS_QUEUE
    else:
        read, queue = BookActivities.read_orders, CHANNELS_QUEUE
    page = ReadPage(look, cursor)
    return await at_vendor(read, page, queue=queue, timings=PATIENT)


async def compare(look: LookAt) -> int:
    """Make tasks of the differences; return how many are only suspected."""
    is_of_runs = look.scope == RUNS
    return await workflow.execute_activity_method(
        TaskActivities.compare_runs if is_of_runs else TaskActivities.compare_books,
        look,
        start_to_close_timeout=COMPARING_TIMEOUT,
        retry_policy=DATABASE_RETRY,
    )


async def forget_lines(run: str) -> None:
    await locally(TaskActivities.forget_lines, run)


async def escalate(again_after_s: float) -> int:
    return await locally(EscalationActivities.escalate, again_after_s)
