"""Starting the run of one fulfillment order, as a child of whoever sends it."""

from typing import Any

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

from workflows import search
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import FulfillmentInput, FulfillmentResult, fulfillment_workflow_id


async def start_parcel(
    part: FulfillmentInput, summary: str
) -> workflow.ChildWorkflowHandle[Any, FulfillmentResult]:
    return await workflow.start_child_workflow(
        FulfillmentWorkflow.run,
        part,
        id=fulfillment_workflow_id(part.order_id, part.number),
        parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
        search_attributes=search.at_start(part.channel, "picking", part.location),
        static_summary=summary,
    )
