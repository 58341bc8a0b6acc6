"""A parcel in the carrier's hands: what is heard of it, and asking the carrier when nothing is."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from domain.tracking import TrackingStatus
from workflows.desk import RETRY_OR_SKIP, Desk
from workflows.messages import FulfillmentInput
from workflows.steps import shipping


class Followed:
    def __init__(self, part: FulfillmentInput, desk: Desk) -> None:
        self._part = part
        self._desk = desk
        self._status = TrackingStatus.PENDING

    def hear(self, status: str) -> None:
        """The database folded the scans already; what is delivered stays delivered."""
        if self._status is not TrackingStatus.DELIVERED:
            self._status = TrackingStatus(status)

    async def _news_within(self, seconds: float, is_news: Callable[[], bool]) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._status is TrackingStatus.DELIVERED or is_news(),
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
