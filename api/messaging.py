"""Speaks to the workflows: asks for an admission, sends updates, reads their refusals."""

import asyncio
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.context import Context
from api.problems import BY_ERROR_TYPE, Kind, Problem
from workflows import search
from workflows.messages import (
    CORE_QUEUE,
    RUN_CLOSED,
    Admission,
    OrderInput,
    order_workflow_id,
)

Result = TypeVar("Result")
# A client that was never connected connects on its first call, and says RuntimeError.
_AWAY = (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError, RPCError, RuntimeError)


class RunClosed(Exception):
    """The order's run has ended: what became of it is in the database."""


async def ask_admission(
    context: Context, order_id: str, inbox_id: int, channel: str
) -> Admission | None:
    """Start the order's run, unless it is there, and wait for its admission.

    None when Temporal does not answer in time: the inbox has the order.
    Raises: RunClosed.
    """
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "OrderWorkflow",
        OrderInput(order_id, inbox_id, channel, context.config.timings),
        id=order_workflow_id(order_id),
        task_queue=CORE_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        search_attributes=search.at_start(channel, "placing"),
        static_summary=f"Order {order_id}",
    )
    patience_s = context.config.admission_wait_s
    try:
        async with asyncio.timeout(patience_s):
            found = await context.temporal.execute_update_with_start_workflow(
                "admission",
                start_workflow_operation=start,
                id="admission",  # asked twice, it is one update
                result_type=Admission,
                rpc_timeout=timedelta(seconds=patience_s),
            )
    except (WorkflowAlreadyStartedError, WorkflowUpdateFailedError):
        raise RunClosed from None
    except _AWAY:
        return None
    assert isinstance(found, Admission)
    return found


async def update(
    context: Context,
    workflow_id: str,
    name: str,
    argument: Any,
    *,
    update_id: str | None,
    result_type: type[Result] | None = None,
) -> tuple[bool, Result | None]:
    """Send an update; whether it was done in time, and its result.

    False means taken and not yet done: the run goes on with it.
    Raises: Problem when it is refused, the run is not there, or Temporal does not answer.
    """
    run: WorkflowHandle[Any, Any] = context.temporal.get_workflow_handle(workflow_id)
    try:
        sent = await _send(context, run, name, argument, update_id, result_type)
        return True, await _result(context, sent)
    except WorkflowUpdateFailedError as refused:
        raise _refusal(refused) from None
    except TimeoutError:
        return False, None
    except RPCError as error:
        raise _away(error) from None


async def _send(
    context: Context,
    run: WorkflowHandle[Any, Any],
    name: str,
    argument: Any,
    update_id: str | None,
    result_type: type[Result] | None,
) -> WorkflowUpdateHandle[Any]:
    patience_s = context.config.take_wait_s
    try:
        async with asyncio.timeout(patience_s):
            return await run.start_update(
                name,
                argument,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id=update_id,
                result_type=result_type,
                rpc_timeout=timedelta(seconds=patience_s),
            )
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError, RuntimeError):
        raise _unavailable() from None


async def _result(context: Context, sent: WorkflowUpdateHandle[Any]) -> Any:
    """Raises: TimeoutError."""
    patience_s = context.config.done_wait_s
    try:
        async with asyncio.timeout(patience_s):
            return await sent.result(rpc_timeout=timedelta(seconds=patience_s))
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise TimeoutError from None


def _refusal(failed: WorkflowUpdateFailedError) -> Exception:
    cause = failed.cause
    if not isinstance(cause, ApplicationError):
        return failed
    if cause.type == RUN_CLOSED:
        return Problem(Kind.TOO_LATE, "it ended meanwhile")
    kind = BY_ERROR_TYPE.get(cause.type or "")
    return failed if kind is None else Problem(kind, cause.message)


def _away(error: RPCError) -> Problem:
    if error.status == RPCStatusCode.NOT_FOUND:
        return Problem(Kind.NOT_STARTED, "nothing runs under this id")
    return _unavailable()


def _unavailable() -> Problem:
    return Problem(Kind.UNAVAILABLE, "it was not taken; ask again in a moment")
