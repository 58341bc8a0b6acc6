"""What runs on schedules: expired reservations are given back, channels are pulled."""

from typing import Final

from temporalio import workflow

from workflows.steps import channels, placing

# A run this long has more pages than one history should hold; the schedule goes on.
MOST_PAGES: Final = 200


@workflow.defn
class ReservationExpiryWorkflow:
    @workflow.run
    async def run(self) -> int:
        return await placing.expire_reservations()


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
