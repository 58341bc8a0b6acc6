"""Steps of an order that is changed after it was placed, or asked back after it left."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.changing import ApplyChange, Changed, ChangingActivities
    from activities.intercepting import AskIntercept, InterceptActivities

from workflows.messages import OrderInput
from workflows.steps.call import locally

__all__ = ["Changed"]


async def apply_change(order: OrderInput, number: int, *, is_over: bool) -> Changed:
    to = ApplyChange(order.order_id, number, order.timings.pick_s, is_over)
    return await locally(ChangingActivities.apply_change, to)


async def intercept(order_id: str, actor: str) -> tuple[int, ...]:
    return await locally(InterceptActivities.intercept, AskIntercept(order_id, actor))
