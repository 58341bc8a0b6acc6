"""The parcels of one order: started beside each other, stopped and changed, followed to the end."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import (
    ChangeResult,
    FulfillmentInput,
    FulfillmentResult,
    HoldNews,
    OrderInput,
    fulfillment_workflow_id,
)
from workflows.parcels import start_parcel
from workflows.steps import changing, parting, placing, shipping
from workflows.telling import tell

Ends = list[FulfillmentResult | BaseException]


class Siblings:
    """`blocked` says what the order's holds forbid a parcel that is started now."""

    def __init__(self, order: OrderInput, blocked: Callable[[], tuple[str, ...]]) -> None:
        self._order = order
        self._blocked = blocked
        self._children: dict[int, workflow.ChildWorkflowHandle[Any, FulfillmentResult]] = {}
        self._further = asyncio.Lock()  # held while further parts are started
        self._all_ended = False
        self._stopping = False
        self.all_started = False

    async def start(self, plan: tuple[placing.Planned, ...]) -> None:
        async with self._further:
            for part in plan:
                self._children[part.number] = await self._start(part)
        self.all_started = True

    async def follow(self, changes: tuple[int, ...]) -> Ends:
        """Make what was confirmed before there were parcels, and follow each to its end."""
        if self._stopping:
            await self.stop()
        for number in changes:
            await self.change(number)
        return await self._all_ends()

    async def _all_ends(self) -> Ends:
        """Those too that came of dividing another."""
        while True:
            found = await asyncio.gather(*self._children.values(), return_exceptions=True)
            async with self._further:
                if len(found) == len(self._children):
                    self._all_ended = True
                    return found

    async def look(self) -> None:
        """A part was divided, or is sent once more: what came of it is started beside it."""
        async with self._further:
            await self._start_further()
        if self._stopping:
            await self.stop()

    async def change(self, number: int) -> ChangeResult:
        """Nothing is changed once all parcels have ended, or are being stopped."""
        async with self._further:
            is_over = self._all_ended or self._stopping
            done = await changing.apply_change(self._order, number, is_over=is_over)
            if done.state == "applied":
                await self._start_further()
            for part in done.altered:
                await tell(fulfillment_workflow_id(self._order.order_id, part), "altered")
            for part in done.stopping:
                await tell(fulfillment_workflow_id(self._order.order_id, part), "stop")
        if self._stopping and not is_over and workflow.patched("what-is-added-is-stopped"):
            await self.stop()  # they were stopped while the change was made
        return ChangeResult(done.state, done.code)

    async def hold(self, blocked: tuple[str, ...]) -> None:
        """Tell every parcel what the order's holds forbid now."""
        for parcel in list(self._children.values()):
            if not parcel.done():
                with contextlib.suppress(ApplicationError):  # it ended meanwhile
                    await parcel.signal(FulfillmentWorkflow.hold, HoldNews(blocked))

    async def stop(self) -> shipping.Cancellable:
        """Stop what can be stopped; the database decides which parcels are already gone."""
        self._stopping = True
        found = await shipping.request_cancellation(self._order.order_id)
        for number in found.stopping:
            if number in self._children:
                with contextlib.suppress(ApplicationError):  # it ended meanwhile
                    await self._children[number].signal(FulfillmentWorkflow.stop)
        return found

    async def _start_further(self) -> None:
        for part in await parting.parts_now(self._order.order_id):
            if part.number not in self._children:
                self._children[part.number] = await self._start(part, is_further=True)

    async def _start(
        self, part: placing.Planned, *, is_further: bool = False
    ) -> workflow.ChildWorkflowHandle[Any, FulfillmentResult]:
        return await start_parcel(
            FulfillmentInput(
                order_id=self._order.order_id,
                number=part.number,
                fulfillment_id=part.fulfillment_id,
                channel=self._order.channel,
                location=part.location,
                lines=part.lines,
                cards=part.cards,
                state=part.state,
                timings=self._order.timings,
                blocked=self._blocked(),
                unauthorized=part.unauthorized if is_further else (),
                by_the_book=True,
                pickup=part.pickup,
                due_s=part.due_s,
            ),
            f"{part.fulfillment_id} from {part.location}",
        )
