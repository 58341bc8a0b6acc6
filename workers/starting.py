"""Starting the run of an order or a return: one set of options, whoever starts it."""

from contextlib import suppress

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import search
from workflows.messages import CORE_QUEUE, OrderInput, order_workflow_id
from workflows.order import OrderWorkflow
from workflows.return_messages import ReturnInput, run_of_return
from workflows.returning import ReturnWorkflow


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


async def start_return(client: Client, back: ReturnInput) -> None:
    """Start the run with ids only; one that runs, or has ended, is left as it is."""
    with suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            ReturnWorkflow.run,
            back,
            id=run_of_return(back.rma),
            task_queue=CORE_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            search_attributes=search.at_start(back.channel, "returning"),
            static_summary=f"Return {back.rma}",
        )
