"""On a schedule: units that came in are given to what waits, and those orders are told."""

from temporalio import workflow

from domain.timings import Timings
from workflows.messages import fulfillment_workflow_id, order_workflow_id
from workflows.steps import parting
from workflows.telling import tell


@workflow.defn
class BackorderWorkflow:
    """Returns how many fulfillment orders found units."""

    @workflow.run
    async def run(self, timings: Timings) -> int:
        filled = await parting.fill_backorders(workflow.info().first_execution_run_id, timings)
        for order_id in sorted({part.order_id for part in filled}):
            await tell(order_workflow_id(order_id), "parts_added")
        for part in filled:
            await tell(fulfillment_workflow_id(part.order_id, part.number), "stocked")
        return len(filled)
