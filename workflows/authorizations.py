"""The holds on cards that pay for a parcel: made anew in time, until it leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from temporalio import workflow

from workflows.desk import Desk
from workflows.messages import FulfillmentInput
from workflows.refusals import Refused
from workflows.shares import renew_authorizations

T = TypeVar("T")
_KEPT_BESIDE: Final = "cards-are-held-beside-a-person"
_COUNTED_ANEW: Final = "holds-are-counted-from-their-making"


class Authorizations:
    """`waits` says when the parcel waits for a person, who gives no time."""

    def __init__(
        self,
        part: Callable[[], FulfillmentInput],
        desk: Desk,
        waits: Callable[[], bool],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._part = part
        self._desk = desk
        self._waits = waits
        self._is_stopped = is_stopped
        self._until: datetime | None = None
        self._keeping: asyncio.Future[None] | None = None
        self._is_renewing = False  # beside a wait
        self.are_given_up = False  # declined beside a wait and undone by a person, or `end`

    def rely(self) -> None:
        """Count from now; an exchange's parcel is its return's, which holds its cards itself."""
        part = self._part()
        if part.by_the_book:
            self._until = workflow.now() + timedelta(seconds=part.timings.authorization_s)

    def shorter(self, within_s: float) -> float:
        """Wake before a hold on a card lapses."""
        left_s = self._left_s()
        return within_s if left_s is None else min(within_s, left_s)

    async def renew(self) -> bool:
        """Hold cards anew when it is time; true when it was.

        Nobody is asked about a declined one any more when the parcel needs it no more.
        Raises: Refused, when one is declined and the person decides to undo.
        """
        if self._left_s() != 0.0:
            return False
        is_new = workflow.patched(_COUNTED_ANEW)
        self.rely()
        await renew_authorizations(
            self._part(), self._desk, lambda tender_no: is_new and self._is_needless(tender_no)
        )
        if is_new:
            self.rely()
        return True

    async def kept_while(self, wait: Awaitable[T]) -> T:
        """Await what may take as long as a person likes, and hold the cards anew meanwhile.

        Whoever breaks it off says `end`.
        Raises: Refused, when a card is declined and the person decides to undo.
        """
        is_done = False
        self._keeping = asyncio.ensure_future(self._keep_until(lambda: is_done))
        done = await wait
        is_done = True
        await self._at_rest()
        if self.are_given_up:
            raise Refused("cancelled")
        return done

    async def end(self) -> None:
        """Hold nothing anew any more: a hold must not come after what lets go of it."""
        self.are_given_up = True
        await self._at_rest()

    async def _at_rest(self) -> None:
        if self._keeping is not None and self._is_renewing:
            await workflow.wait([self._keeping])
            self._keeping.result()

    async def _keep_until(self, is_done: Callable[[], bool]) -> None:
        def is_over() -> bool:
            return is_done() or self.are_given_up

        await workflow.wait_condition(lambda: is_over() or self._waits())
        while not is_over() and (left_s := self._left_s()) is not None:
            if not workflow.patched(_KEPT_BESIDE):
                return
            try:
                await workflow.wait_condition(
                    is_over,
                    timeout=timedelta(seconds=left_s),
                    timeout_summary="hold the card anew",
                )
            except TimeoutError:
                if not is_over():
                    await self._renew_beside()

    async def _renew_beside(self) -> None:
        self._is_renewing = True
        try:
            await self.renew()
        except Refused:
            self.are_given_up = True
        finally:
            self._is_renewing = False

    def _is_needless(self, tender_no: int) -> bool:
        """The parcel is cancelled, or its share was another's since the warehouse rejected it."""
        is_over = self.are_given_up or self._is_stopped()
        return is_over or tender_no not in self._part().cards

    def _left_s(self) -> float | None:
        """None where there is no card to be held."""
        part = self._part()
        if self._until is None or not part.cards:
            return None
        return max(0.0, (self._until - workflow.now()).total_seconds())
