"""On a schedule: units that came in are given to what waits, and those orders are told."""

import contextlib

from temporalio import workflow
from temporalio.exceptions import FailureError

from domain.timings import Timings
from workflows.messages import fulfillment_workflow_id, order_workflow_id
from workflows.steps import parting


@workflow.defn
class BackorderWorkflow:
    """Returns how many fulfillment orders found units."""

    @workflow.run
    async def run(self, timings: Timings) -> int:
        filled = await parting.fill_backorders(workflow.info().first_execution_run_id, timings)
        for order_id in sorted({part.order_id for part in filled}):
            await _tell(order_workflow_id(order_id), "parts_added")
        for part in filled:
            await _tell(fulfillment_workflow_id(part.order_id, part.number), "stocked")
        return len(filled)


async def _tell(run_id: str, signal: str) -> None:
    """A run that was lost reads how things stand when it is started anew."""
    with contextlib.suppress(FailureError):
        await workflow.get_external_workflow_handle(run_id).signal(signal)
