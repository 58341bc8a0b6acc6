"""Steps that talk to sales channels."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.channels import ChannelActivities, Pull, Pulled

from domain.timings import MINUTE, Timings
from workflows.steps.call import CHANNELS_QUEUE, at_vendor

__all__ = ["Pulled"]

PATIENT: Final = Timings(vendor_patience_s=10 * MINUTE)


async def pull_orders(channel: str, cursor: str | None) -> Pulled:
    return await at_vendor(
        ChannelActivities.pull_orders,
        Pull(channel, cursor),
        queue=CHANNELS_QUEUE,
        timings=PATIENT,
    )
