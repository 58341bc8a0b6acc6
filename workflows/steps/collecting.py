"""Steps of a parcel that is collected in a store."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.collecting import READY, Collect, CollectingActivities, MakeReady, Ready

from workflows.messages import FulfillmentInput
from workflows.steps.call import locally

__all__ = ["READY", "Ready"]


async def make_ready(part: FulfillmentInput) -> Ready:
    return await locally(
        CollectingActivities.make_ready, MakeReady(part.fulfillment_id, part.timings.pickup_s)
    )


async def remind(part: FulfillmentInput) -> None:
    await locally(CollectingActivities.remind, part.fulfillment_id)


async def begin_collection(part: FulfillmentInput, actor: str) -> str:
    who = Collect(part.fulfillment_id, actor, part.timings.vendor_patience_s)
    return await locally(CollectingActivities.begin_collection, who)


async def hand_out(part: FulfillmentInput) -> None:
    await locally(CollectingActivities.hand_out, part.fulfillment_id)


async def put_back(part: FulfillmentInput) -> str:
    return await locally(CollectingActivities.put_back, part.fulfillment_id)
