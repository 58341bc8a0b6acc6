"""Which runs Temporal has: listed in bulk, and asked one by one where the list may lag."""

import asyncio
from collections.abc import Iterable
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

KINDS: Final = "'OrderWorkflow', 'FulfillmentWorkflow', 'LatePaymentWorkflow'"
PAGE: Final = 1000
AT_ONCE: Final = 16
# So many runs of one schedule in a row that did not complete are no accident.
REPEATEDLY: Final = 3


async def running_ids(client: Client) -> set[str]:
    """List the running workflows of orders; what started or ended a moment ago may be wrong."""
    query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({KINDS})"
    return {run.id async for run in client.list_workflows(query, page_size=PAGE)}


async def failed_runs(client: Client) -> dict[str, str]:
    """Return workflow id by run id."""
    query = f"ExecutionStatus = 'Failed' AND WorkflowType IN ({KINDS})"
    return {run.run_id: run.id async for run in client.list_workflows(query, page_size=PAGE)}


async def statuses(
    client: Client, workflow_ids: Iterable[str]
) -> dict[str, WorkflowExecutionStatus | None]:
    """Ask about each workflow itself; None when Temporal does not know it."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(workflow_id: str) -> WorkflowExecutionStatus | None:
        async with slots:
            try:
                return (await client.get_workflow_handle(workflow_id).describe()).status
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                return None

    asked = list(dict.fromkeys(workflow_ids))
    answers = await asyncio.gather(*(ask(workflow_id) for workflow_id in asked))
    return dict(zip(asked, answers, strict=True))


async def not_running(
    client: Client, workflow_ids: Iterable[str], listed: set[str]
) -> dict[str, str]:
    """Say of each workflow that does not run how it stands: its last status, or "none"."""
    asked = await statuses(client, (each for each in workflow_ids if each not in listed))
    return {
        workflow_id: status.name.lower() if status else "none"
        for workflow_id, status in asked.items()
        if status is not WorkflowExecutionStatus.RUNNING
    }


async def started_at(client: Client, workflow_id: str) -> int | None:
    """Return the second in which the newest run was started, as the run itself knows it."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        async for event in handle.fetch_history_events(page_size=1):
            return event.event_time.seconds
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
    return None


async def failing_schedules(client: Client) -> dict[str, list[str]]:
    """Return how the last runs ended of each schedule of which none completed, newest first."""
    found = {}
    async for schedule in await client.list_schedules():
        query = f"TemporalScheduledById = '{schedule.id}' AND ExecutionStatus != 'Running'"
        ends = [
            run.status.name.lower()
            async for run in client.list_workflows(query, limit=REPEATEDLY)
            if run.status is not None
        ]
        if len(ends) == REPEATEDLY and "completed" not in ends:
            found[schedule.id] = ends
    return found
