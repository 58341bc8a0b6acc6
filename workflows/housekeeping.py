"""What runs on schedules: holds are given back, parcels reminded, channels pulled."""

import contextlib
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import fulfillment_workflow_id
from workflows.steps import channels, placing, shipping

# A run this long has more pages than one history should hold; the schedule goes on.
MOST_PAGES: Final = 200


@workflow.defn
class ReservationExpiryWorkflow:
    @workflow.run
    async def run(self) -> int:
        return await placing.expire_reservations()


@workflow.defn
class ReminderWorkflow:
    """Tells runs what was recorded of their parcels and not heard; returns how many it told."""

    @workflow.run
    async def run(self) -> int:
        unheard = await shipping.unheard_reports()
        for part in unheard:
            run_id = fulfillment_workflow_id(part.order_id, part.number)
            run = workflow.get_external_workflow_handle_for(FulfillmentWorkflow.run, run_id)
            with contextlib.suppress(FailureError):  # it has ended meanwhile
                await run.signal(FulfillmentWorkflow.recorded, part.state)
        return len(unheard)


@workflow.defn
class ChannelSyncWorkflow:
    """Pulls one channel's changed orders; returns how many were new."""

    @workflow.run
    async def run(self, channel: str) -> int:
        new, cursor = 0, None
        for _ in range(MOST_PAGES):
            pulled = await channels.pull_orders(channel, cursor)
            new += pulled.new
            cursor = pulled.next_cursor
            if cursor is None:
                break
        return new
