"""Starting an order's run: one set of options, whoever starts it."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from workflows import search
from workflows.messages import CORE_QUEUE, OrderInput, order_workflow_id
from workflows.order import OrderWorkflow


async def start_order(client: Client, order: OrderInput, reuse: WorkflowIDReusePolicy) -> None:
    """Start the run with ids only; one that runs already is left as it is.

    Raises: WorkflowAlreadyStartedError when `reuse` does not permit another run.
    """
    await client.start_workflow(
        OrderWorkflow.run,
        order,
        id=order_workflow_id(order.order_id),
        task_queue=CORE_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=reuse,
        search_attributes=search.at_start(order.channel, "placing"),
        static_summary=f"Order {order.order_id}",
    )
