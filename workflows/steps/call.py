"""The two ways to call an activity: our own database, and a vendor."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

from domain.timings import Timings
from workflows.messages import CORE_QUEUE
from workflows.refusals import OtherUnits

PAYMENTS_QUEUE: Final = "payments"
CARRIERS_QUEUE: Final = "carriers"
CHANNELS_QUEUE: Final = "channels"

# Our database answers at once or is in trouble; then the server takes over the retries, visibly.
LOCAL_TIMEOUT: Final = timedelta(seconds=3)
# The timeout alone does not end attempts that fail at once: these take about as long as it does.
LOCAL_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=50),
    maximum_interval=timedelta(seconds=1),
    maximum_attempts=7,
)
# Temporal knows no shorter timer.
AT_ONCE: Final = timedelta(milliseconds=1)
DATABASE_TIMEOUT: Final = timedelta(seconds=15)
DATABASE_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15)
)
VENDOR_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)

A = TypeVar("A")
R = TypeVar("R")


async def locally(method: Callable[[Any, A], Awaitable[R]], argument: A) -> R:
    """Run a step that touches only our database, beside the workflow task.

    An outage outlasts the local attempt: the same function then runs as a regular activity, which
    the server retries for as long as it takes.
    """
    try:
        return await workflow.execute_local_activity_method(
            method, argument, schedule_to_close_timeout=LOCAL_TIMEOUT, retry_policy=LOCAL_RETRY
        )
    except FailureError as failed:
        # A replay raises what the attempt ended with, a timeout or its own error, unwrapped.
        if is_cancelled_exception(failed) or _is_final(failed):
            raise
    return await workflow.execute_activity_method(
        method,
        argument,
        task_queue=CORE_QUEUE,
        start_to_close_timeout=DATABASE_TIMEOUT,
        retry_policy=DATABASE_RETRY,
    )


async def reported(method: Callable[[Any, A], Awaitable[R]], argument: A) -> R:
    """Write a report of the warehouse down, beside the workflow task. Raises: OtherUnits."""
    try:
        return await locally(method, argument)
    except FailureError as failed:
        cause = cause_of(failed)
        if isinstance(cause, ApplicationError) and cause.type == "WrongQuantities":
            raise OtherUnits(cause.message) from failed
        raise


async def at_vendor(
    method: Callable[[Any, A], Awaitable[R]], argument: A, *, queue: str, timings: Timings
) -> R:
    """Run a step that calls a vendor, on that vendor's queue, retried until patience ends."""
    return await workflow.execute_activity_method(
        method,
        argument,
        task_queue=queue,
        start_to_close_timeout=timedelta(seconds=timings.vendor_attempt_s),
        schedule_to_close_timeout=timedelta(seconds=timings.vendor_patience_s),
        retry_policy=VENDOR_RETRY,
    )


async def written_down() -> None:
    """Wait until the message that is being handled is kept: what it does must not come before it.

    Temporal keeps an update with the workflow task that accepted it, and local steps run within
    that task: a crash in between would leave what they did and forget who asked. A timer ends the
    task.
    """
    await decided("messages-are-kept-first")


async def decided(change: str) -> None:
    """Wait until it is kept what the run has decided; `change` names the patch that says so.

    A run whose task is lost decides again, at another moment, with other news and on what its
    local steps have written: what followed from the first decision would be nobody's.
    """
    if workflow.patched(change):
        await workflow.sleep(AT_ONCE)


def _is_final(failed: FailureError) -> bool:
    cause = cause_of(failed)
    return isinstance(cause, ApplicationError) and cause.non_retryable


def cause_of(failed: FailureError) -> BaseException | None:
    """A local activity fails with its own error, others with theirs inside an ActivityError."""
    return failed.cause if isinstance(failed, ActivityError) else failed
