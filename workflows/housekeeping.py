"""What runs on schedules: holds and old answers end, parcels are reminded, channels pulled."""

from typing import Final

from temporalio import workflow

from workflows.messages import fulfillment_workflow_id
from workflows.steps import channels, placing, shipping
from workflows.telling import tell

# A run this long has more pages than one history should hold; the schedule goes on.
MOST_PAGES: Final = 200


@workflow.defn
class ReservationExpiryWorkflow:
    @workflow.run
    async def run(self) -> int:
        return await placing.expire_reservations()


@workflow.defn
class PruningWorkflow:
    """Forgets old answers to idempotency keys, and old imports; returns how many."""

    @workflow.run
    async def run(self) -> int:
        return await placing.forget_answers()


@workflow.defn
class ReminderWorkflow:
    """Tells runs what was recorded of their parcels and not heard; returns how many it told."""

    @workflow.run
    async def run(self) -> int:
        unheard = await shipping.unheard_reports()
        for part in unheard:
            run_id = fulfillment_workflow_id(part.order_id, part.number)
            await tell(run_id, "recorded", part.state)
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
