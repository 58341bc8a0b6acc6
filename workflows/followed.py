"""A parcel in the carrier's hands: what is heard of it, and asking the carrier when nothing is."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.tracking import TrackingStatus
from workflows.desk import RETRY_OR_SKIP, Desk
from workflows.messages import FulfillmentInput
from workflows.steps import shipping

_ASKED_BESIDE: Final = "carriers-are-asked-beside-a-person"


class Followed:
    def __init__(self, part: FulfillmentInput, desk: Desk) -> None:
        self._part = part
        self._desk = desk
        self._status = TrackingStatus.PENDING
        self._polling: asyncio.Future[None] | None = None  # beside a person

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

    async def _decision(
        self, reason: str, detail: str, resolutions: tuple[str, ...], is_over: Callable[[], bool]
    ) -> str:
        """Let a person decide about the parcel, and ask its carrier meanwhile.

        A trouble that is over, and a delivery, make the question moot. Raises: Refused.
        """

        def is_moot() -> bool:
            return self._status is TrackingStatus.DELIVERED or (is_new and is_over())

        is_new, is_answered = workflow.patched(_ASKED_BESIDE), False
        if is_new:
            self._polling = asyncio.ensure_future(self._poll_until(lambda: is_answered))
        try:
            return await self._desk.ask("deliver", reason, detail, resolutions, until=is_moot)
        finally:
            is_answered = True
            if self._polling is not None:
                self._polling.cancel()

    async def _poll_until(self, is_answered: Callable[[], bool]) -> None:
        """A carrier that does not answer is asked again: a person looks at the parcel already."""
        while not await self._news_within(self._part.timings.poll_s, is_answered):
            with contextlib.suppress(ActivityError):
                self.hear(await shipping.poll_tracking(self._part, self._part.timings))
