"""How an exchange's parcel, and that of a run from before the playbook, is followed to its end."""

from typing import Final

from temporalio import workflow

from domain.tracking import TrackingStatus
from workflows.desk import Desk
from workflows.followed import Followed
from workflows.messages import FulfillmentInput
from workflows.refusals import Refused
from workflows.steps import shipping

# The carrier gave up: a person decides whether to wait, to accept or to write the parcel off.
FAILED_DELIVERY: Final = frozenset(
    {TrackingStatus.RETURN_TO_SENDER, TrackingStatus.DELIVERY_FAILED}
)


class Road(Followed):
    def __init__(self, part: FulfillmentInput, desk: Desk) -> None:
        super().__init__(part, desk)
        self._is_lost = False

    async def follow(self) -> str:
        """Return how it ends: `delivered` or `lost`."""
        times = self._part.timings
        started = workflow.now()
        poll_s = times.first_poll_s
        while self._status is not TrackingStatus.DELIVERED:
            if await self._news_within(poll_s, self._has_failed):
                poll_s = times.poll_s
                await self._decide_failed()
                continue
            poll_s = times.poll_s
            await self._poll()
            if (workflow.now() - started).total_seconds() > times.lost_s:
                await self._ask("no_delivery", "the carrier has not delivered")
                started = workflow.now()
        if self._is_lost:
            return "lost"
        await shipping.record_end(self._part, "delivered")
        return "delivered"

    def _has_failed(self) -> bool:
        return self._status in FAILED_DELIVERY

    async def _decide_failed(self) -> None:
        if self._has_failed():
            await self._ask("delivery_failed", f"the carrier says {self._status}")

    async def _ask(self, reason: str, detail: str) -> None:
        """retry: keep waiting; override: it did arrive; compensate: written off as lost."""
        try:
            decision = await self._decision(
                reason, detail, ("retry", "override", "compensate"), lambda: False
            )
        except Refused:
            await shipping.record_end(self._part, "lost")
            self._is_lost = True
            self._status = TrackingStatus.DELIVERED  # nothing more is waited for
            return
        if decision == "override":
            self._status = TrackingStatus.DELIVERED
        elif self._has_failed():
            self._status = TrackingStatus.IN_TRANSIT
