"""The end of a parcel that is collected: it is ready at a store until somebody comes, or nobody."""

import contextlib
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow

from domain.holds import LEAVING
from workflows import search
from workflows.authorizations import Authorizations
from workflows.messages import Collected, FulfillmentInput
from workflows.refusals import Refused, reject
from workflows.steps import collecting
from workflows.steps.call import written_down
from workflows.steps.collecting import READY

# The customer has it, or is about to.
TAKEN: Final = ("handing_over", "delivered")


class Counter:
    """What a fulfillment order's story inherits for the case that it is collected."""

    _part: FulfillmentInput
    _state: str
    _stopped: bool
    _blocked: frozenset[str]
    _authorizations: Authorizations

    async def _until_free(self) -> None: ...
    async def _capture(self) -> None: ...
    def _stop_if_asked(self) -> None: ...
    def _move(self, before: str, after: str) -> None: ...
    def _show(self, step: str | None) -> None: ...

    async def _hand_out(self) -> None:
        """Raises: Refused, when it was cancelled or nobody came."""
        await self._until_free()
        ready = await collecting.make_ready(self._part)
        self._move("packed", ready.state)
        if ready.state == READY and ready.until is not None:
            self._show("collection")
            search.show_status(READY)
            await self._await_customer(ready.until)
        if self._state not in TAKEN:
            raise Refused("cancelled")
        self._show("capture payment")
        await self._capture()
        await collecting.hand_out(self._part)
        self._state = "delivered"

    async def _await_customer(self, until: datetime) -> None:
        """Nobody comes in half the time: one reminder. Nobody comes at all: it is put back."""
        half = timedelta(seconds=self._part.timings.pickup_s / 2)
        if not await self._comes_by(until - half):
            await collecting.remind(self._part)
        if not await self._comes_by(until):
            self._move(READY, await collecting.put_back(self._part))

    async def _comes_by(self, moment: datetime) -> bool:
        while self._state == READY and not self._stopped:
            left_s = (moment - workflow.now()).total_seconds()
            if left_s <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._state != READY or self._stopped,
                    timeout=timedelta(seconds=self._authorizations.shorter(left_s)),
                    timeout_summary="collection",
                )
            await self._authorizations.renew()
        self._stop_if_asked()
        return True

    @workflow.update
    async def collected(self, by: Collected) -> None:
        """The customer is there with the code, which was checked before."""
        await written_down()
        state = await collecting.begin_collection(self._part, by.actor)
        if state not in TAKEN:
            raise reject("WrongState", f"the fulfillment order is {state}")
        self._move(READY, state)

    @collected.validator
    def _check_collected(self, by: Collected) -> None:
        if self._state in TAKEN and self._part.pickup:
            return
        if self._stopped or self._state != READY:
            state = "being cancelled" if self._stopped else self._state
            raise reject("WrongState", f"the fulfillment order is {state}")
        if self._blocked & LEAVING:
            raise reject("WrongState", "the order is on hold")
