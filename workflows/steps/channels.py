"""Steps that talk to sales channels."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.channels import ChannelActivities, Pull, Pulled

from workflows.steps.call import CHANNELS_QUEUE, at_vendor

__all__ = ["Pulled"]

PATIENCE: Final = timedelta(minutes=10)


async def pull_orders(channel: str, cursor: str | None) -> Pulled:
    return await at_vendor(
        ChannelActivities.pull_orders,
        Pull(channel, cursor),
        queue=CHANNELS_QUEUE,
        patience_s=PATIENCE.total_seconds(),
    )
