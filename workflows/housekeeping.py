"""What runs on schedules: expired reservations given back, channels pulled."""

from temporalio import workflow

from workflows.steps import placing


@workflow.defn
class ReservationExpiryWorkflow:
    @workflow.run
    async def run(self) -> int:
        return await placing.expire_reservations()
