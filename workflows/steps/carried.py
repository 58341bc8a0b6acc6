"""Steps about a parcel in the carrier's hands: what to do about it, and doing it."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.playbook import Advice, Consult, PlaybookActivities, WriteOff

from workflows.messages import FulfillmentInput
from workflows.steps.call import decided, locally

__all__ = ["Advice"]

# The playbook has no advice for a parcel that was written off: it must not be asked again.
_ENDS: Final = "ends-of-parcels-are-kept-first"


async def consult_playbook(part: FulfillmentInput, waived: tuple[str, ...]) -> Advice:
    times = part.timings
    about = Consult(
        fulfillment_id=part.fulfillment_id,
        no_scan_s=times.no_scan_s,
        stalled_s=times.stalled_s,
        lost_s=times.lost_s,
        promised_day_s=times.promised_day_s,
        waived=waived,
    )
    return await locally(PlaybookActivities.consult_playbook, about)


async def reship(part: FulfillmentInput, cause: str) -> bool:
    await decided(_ENDS)
    return await locally(
        PlaybookActivities.reship, WriteOff(part.fulfillment_id, cause, part.timings.pick_s)
    )


async def write_off(part: FulfillmentInput, cause: str) -> None:
    await decided(_ENDS)
    await locally(PlaybookActivities.write_off, WriteOff(part.fulfillment_id, cause))
