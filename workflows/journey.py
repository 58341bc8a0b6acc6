"""The journey of one parcel in the carrier's hands: followed by the playbook until it ends."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow

from domain.playbook import SAID, Does, Play, is_over
from domain.tracking import TrackingStatus
from workflows.desk import Desk
from workflows.followed import Followed
from workflows.messages import FulfillmentInput
from workflows.refusals import Refused
from workflows.steps import carried, shipping

# retry: keep waiting; override: it did arrive; compensate: written off and refunded.
WAIT_OR_END: Final = ("retry", "override", "compensate")


class Journey(Followed):
    """`tell_order` lets the order start what replaces the parcel."""

    def __init__(
        self, part: FulfillmentInput, desk: Desk, tell_order: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(part, desk)
        self._tell_order = tell_order
        self._decided = TrackingStatus.PENDING  # what the carrier said when somebody decided last
        self._waived: dict[str, datetime] = {}

    async def follow(self) -> str:
        """Return how it ends: `delivered`, or `lost` when it was replaced or written off."""
        times = self._part.timings
        wait_s = min(times.first_poll_s, times.no_scan_s)
        while True:
            if not await self._news_within(wait_s, self._is_undecided):
                await self._poll()
            advice = carried.Advice()
            if self._status is not TrackingStatus.DELIVERED:
                advice = await carried.consult_playbook(self._part, self._waiting_out())
            if advice.play is not None and await self._act(advice.play, advice.does):
                return "lost"
            if self._status is TrackingStatus.DELIVERED:
                await shipping.record_end(self._part, "delivered")
                return "delivered"
            wait_s = min(times.poll_s, advice.again_in_s or times.poll_s)

    def _is_undecided(self) -> bool:
        """Something needs to be done, unless it was decided about."""
        return self._status in SAID and self._status is not self._decided

    def _waiting_out(self) -> tuple[str, ...]:
        now = workflow.now()
        return tuple(play for play, until in self._waived.items() if until > now)

    async def _act(self, play: str, does: str | None) -> bool:
        """Do what the playbook says; true when the parcel is not waited for any more."""
        self._decided = self._status
        if does == Does.REFUND:
            await carried.write_off(self._part, play)
            return True
        if does == Does.RESHIP and await self._reship(play):
            return True
        return await self._ask(play, can_reship=does != Does.RESHIP)

    async def _ask(self, play: str, *, can_reship: bool) -> bool:
        """Let a person decide; when nobody has the units, reshipping is no choice any more."""
        resolutions = (*WAIT_OR_END, "reship") if can_reship else WAIT_OR_END
        try:
            decision = await self._decision(
                play,
                f"the carrier says {self._status}",
                resolutions,
                lambda: is_over(Play(play), self._status),
            )
        except Refused:
            await carried.write_off(self._part, play)
            return True
        if decision == "override":
            self._status = TrackingStatus.DELIVERED
        elif decision == "moot":
            self._decided = TrackingStatus.PENDING  # whatever the carrier said since
        elif decision == "retry":
            patience = timedelta(seconds=self._part.timings.lost_s)
            self._waived[play] = workflow.now() + patience
        elif decision == "reship":
            return await self._reship(play) or await self._ask(play, can_reship=False)
        return False

    async def _reship(self, play: str) -> bool:
        if not await carried.reship(self._part, play):
            return False
        await self._tell_order()
        return True
