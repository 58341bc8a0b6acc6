"""An order on hold: it waits, visible, until every hold that blocks it has ended, each in its way.

The database knows which holds there are, and refuses what they block. The story asks it when
something blocks the order, and hears of changes by its own messages: without holds it does nothing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.holds import HOLD_TYPES, OF_PARCELS, Expiry, Transition
from domain.timings import Timings
from workflows.desk import RETRY_OR_UNDO, Desk
from workflows.messages import (
    AddressCorrected,
    CorrectAddress,
    HoldPlaced,
    PlaceHold,
    ReleaseHold,
)
from workflows.refusals import Refused, reject
from workflows.siblings import Siblings
from workflows.steps import holding, placing
from workflows.steps.call import written_down
from workflows.steps.holding import OpenHold

# Dates can be moved: longer than this nobody waits without looking again.
LONGEST_WAIT: Final = timedelta(days=30)
REFUSALS: Final = {
    "unadmitted": ("WrongState", "the order is not admitted yet"),
    "closed": ("TooLate", "the order is closed"),
    "too_late": ("TooLate", "nothing is left that it could block"),
}
Tell = Callable[[tuple[str, ...]], Awaitable[None]]


class Holds:
    """What is on hold, and since when that is news; one an order."""

    def __init__(self, order_id: str, desk: Desk, timings: Timings) -> None:
        self._order_id = order_id
        self._desk = desk
        self._timings = timings
        self._news = 0
        self._count = 0
        self._is_over = False  # the order ends: nothing is waited for any more
        self.blocked: tuple[str, ...] = ()  # what parcels that start are forbidden
        self.was_held = False

    def wake(self) -> None:
        """Something about the holds has changed: whoever waits looks again."""
        self._news += 1

    def begin_with(self, blocked: tuple[str, ...]) -> None:
        """What a run started anew finds: holds of parcels that were under way."""
        self.blocked = blocked
        if blocked:
            self.wake()

    async def place(self, hold: PlaceHold) -> int:
        """Raises: ApplicationError, when it comes too late."""
        placed = await holding.place(self._order_id, hold, self._timings)
        if placed.refused is not None:
            raise reject(*REFUSALS[placed.refused])
        self.wake()
        return placed.number

    async def ask_scorer(self) -> None:
        """A second opinion is welcome and not needed: while it is away our rules decide alone."""
        try:
            await holding.ask_scorer(self._order_id, self._timings)
        except ActivityError as away:
            if is_cancelled_exception(away):
                raise
            workflow.logger.warning("no second opinion on %s", self._order_id)

    async def wait_or_refuse(self, verified: placing.Verified) -> None:
        """A channel may rather wait for a better address: stock and payment come meanwhile.

        Once in the order's life, whatever run asks: who released the hold has accepted the address.
        Raises: Refused.
        """
        may_wait = verified.may_wait
        if not may_wait or not await self._place_by_rule("address_problem", "verification"):
            raise Refused("refused_address", verified.reason)

    async def wait_for_stock(self) -> bool:
        """The run's start tells apart what a run started anew asks for, as with exceptions."""
        self._count += 1
        moment = int(workflow.info().workflow_start_time.timestamp())
        return await self._place_by_rule("stock_shortage", f"reservation:{moment}:{self._count}")

    async def _place_by_rule(self, kind: str, key: str) -> bool:
        """False when the order was closed before."""
        placed = await holding.place(self._order_id, PlaceHold("system", kind, key), self._timings)
        return placed.refused is None

    async def end(self, release: ReleaseHold) -> None:
        await holding.end(self._order_id, release.number, "released", release.actor)
        self.wake()

    async def until_free(
        self,
        transitions: Collection[Transition],
        is_stopped: Callable[[], bool],
        tell: Tell | None = None,
    ) -> None:
        """Wait until no open hold blocks any of the transitions.

        Raises: Refused, when one has run out and its kind says so, or a person does.
        """
        self.was_held = True
        while True:
            news = self._news
            found = await holding.look(self._order_id, self._timings)
            if tell is not None:
                await tell(tuple(sorted({each for hold in found for each in hold.blocks})))
            blocking = [hold for hold in found if set(hold.blocks) & set(transitions)]
            if not blocking or is_stopped():
                return
            await self._see_out(blocking[0], lambda news=news: self._news != news or is_stopped())  # type: ignore[misc]

    async def guard(self, tell: Tell, stop: Callable[[], Awaitable[object]]) -> None:
        """Hold up parcels as long as there are any: `tell` them what is blocked, or `stop` them."""
        seen = 0
        while True:
            await workflow.wait_condition(lambda seen=seen: self._news != seen or self._is_over)  # type: ignore[misc]
            if self._is_over:
                return
            seen = self._news
            try:
                await self.until_free(OF_PARCELS, lambda: self._is_over, tell)
            except Refused:
                await stop()
                return

    async def dismiss(self, guard: "asyncio.Future[None]") -> None:
        """Nothing is left to be held up: an exception about a hold is moot."""
        self._is_over = True
        await guard

    async def _see_out(self, hold: OpenHold, is_moot: Callable[[], bool]) -> None:
        """Wait for news; without any, do as the hold says once it has run out."""
        left = hold.deadline - workflow.now()
        if left <= timedelta(0):
            await self._run_out(hold, is_moot)
            return
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                is_moot,
                timeout=min(left, LONGEST_WAIT),
                timeout_summary=f"hold {hold.number} runs out",
            )

    async def _run_out(self, hold: OpenHold, is_moot: Callable[[], bool]) -> None:
        if hold.on_expiry == Expiry.RELEASE:
            await holding.end(self._order_id, hold.number, "expired")
        elif hold.on_expiry == Expiry.CANCEL:
            outcome = HOLD_TYPES[hold.kind].outcome
            raise Refused(outcome, f"{hold.kind} was not resolved in time")
        else:
            decision = await self._desk.ask(
                "hold",
                f"{hold.kind}_overdue",
                f"hold {hold.number} was not decided on in time",
                RETRY_OR_UNDO,
                until=is_moot,
            )
            if decision == "retry":
                await holding.put_off(self._order_id, hold.number, self._timings.exception_s)


class HoldMessages:
    """The messages about holds, for the order's story to inherit."""

    _id: str
    _timings: Timings
    _desk: Desk
    _holds: Holds
    _outcome: str | None
    _parcels: Siblings

    def _guard_parcels(self) -> "asyncio.Future[None]":
        return asyncio.ensure_future(self._holds.guard(self._parcels.hold, self._parcels.stop))

    @workflow.update
    async def place_hold(self, hold: PlaceHold) -> HoldPlaced:
        await written_down()
        return HoldPlaced(await self._holds.place(hold))

    @place_hold.validator
    def _check_place(self, hold: PlaceHold) -> None:
        self._check_open()
        if hold.kind not in HOLD_TYPES:
            raise reject("NotPermitted", f"there is no hold of the kind {hold.kind}")

    @workflow.update
    async def release_hold(self, release: ReleaseHold) -> None:
        await written_down()
        await self._holds.end(release)

    @release_hold.validator
    def _check_release(self, release: ReleaseHold) -> None:
        self._check_open()

    @workflow.update
    async def correct_address(self, correction: CorrectAddress) -> AddressCorrected:
        """Verify the corrected address; what waits for it goes on when it can be delivered to."""
        return await self._verify_newest()

    @correct_address.validator
    def _check_correction(self, correction: CorrectAddress) -> None:
        self._check_open()
        if self._parcels.all_started:
            raise reject("WrongState", "the order is routed to its address already")

    @workflow.update
    async def change_address(self, correction: CorrectAddress) -> AddressCorrected:
        """Another address for what has no label yet; it is verified as a corrected one is."""
        return await self._verify_newest()

    @change_address.validator
    def _check_change_of_address(self, correction: CorrectAddress) -> None:
        self._check_open()

    async def _verify_newest(self) -> AddressCorrected:
        """With the patience of one attempt: who gives an address is there to do so again."""
        times = replace(self._timings, vendor_patience_s=self._timings.vendor_attempt_s)
        try:
            verified = await placing.verify_address(self._id, times)
            answer = AddressCorrected(verified.deliverable, verified.is_late)
        except ActivityError as failed:
            if is_cancelled_exception(failed):
                raise
            answer = AddressCorrected(deliverable=False, is_unheard=True)
        self._holds.wake()
        return answer

    def _check_open(self) -> None:
        if self._outcome is not None:
            raise reject("TooLate", f"the order is closed: {self._outcome}")
