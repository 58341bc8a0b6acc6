"""How an exchange's parcel, and that of a run from before the playbook, is followed to its end."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

from domain.tracking import TrackingStatus
from workflows.desk import Desk
from workflows.messages import FulfillmentInput
from workflows.refusals import Refused
from workflows.steps import shipping

RETRY_OR_SKIP: Final = ("retry", "skip")
# The carrier gave up: a person decides whether to wait, to accept or to write the parcel off.
FAILED_DELIVERY: Final = frozenset(
    {TrackingStatus.RETURN_TO_SENDER, TrackingStatus.DELIVERY_FAILED}
)


class Road:
    def __init__(self, part: FulfillmentInput, desk: Desk) -> None:
        self._part = part
        self._desk = desk
        self._status = TrackingStatus.PENDING
        self._is_lost = False

    def hear(self, status: str) -> None:
        """The database folded the scans already; what is delivered stays delivered."""
        if self._status is not TrackingStatus.DELIVERED:
            self._status = TrackingStatus(status)

    async def follow(self) -> str:
        """Return how it ends: `delivered` or `lost`."""
        times = self._part.timings
        started = workflow.now()
        poll_s = times.first_poll_s
        while self._status is not TrackingStatus.DELIVERED:
            if await self._news_within(poll_s):
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

    async def _news_within(self, seconds: float) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._status is TrackingStatus.DELIVERED or self._status in FAILED_DELIVERY,
                timeout=timedelta(seconds=seconds),
                timeout_summary="ask the carrier",
            )
        except TimeoutError:
            return False
        return True

    async def _poll(self) -> None:
        status = await self._desk.attempt(
            "poll tracking",
            lambda: shipping.poll_tracking(self._part, self._part.timings),
            RETRY_OR_SKIP,
        )
        if status is not None:
            self.hear(status)

    async def _decide_failed(self) -> None:
        if self._status in FAILED_DELIVERY:
            await self._ask("delivery_failed", f"the carrier says {self._status}")

    async def _ask(self, reason: str, detail: str) -> None:
        """retry: keep waiting; override: it did arrive; compensate: written off as lost."""
        try:
            decision = await self._desk.ask(
                "deliver",
                reason,
                detail,
                ("retry", "override", "compensate"),
                until=lambda: self._status is TrackingStatus.DELIVERED,
            )
        except Refused:
            await shipping.record_end(self._part, "lost")
            self._is_lost = True
            self._status = TrackingStatus.DELIVERED  # nothing more is waited for
            return
        if decision == "override":
            self._status = TrackingStatus.DELIVERED
        elif self._status in FAILED_DELIVERY:
            self._status = TrackingStatus.IN_TRANSIT
