"""The story of one fulfillment order: picked, packed, labelled, handed over, delivered."""

import contextlib
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

from domain.holds import LEAVING, Transition
from domain.shortage import REASONS
from workflows import search
from workflows.authorizations import Authorizations
from workflows.counter import Counter
from workflows.desk import RETRY_OR_SKIP, Desk, DeskMessages
from workflows.journey import Journey
from workflows.messages import (
    FulfillmentInput,
    FulfillmentResult,
    HoldNews,
    LinesDone,
    Rejection,
    TrackingNews,
    order_workflow_id,
)
from workflows.readying import BACKORDERED, as_it_stands, authorize_shares, await_stock
from workflows.refusals import OnHold, OtherUnits, Refused, reject
from workflows.road import Road
from workflows.saga import to_the_end
from workflows.steps import money, parting, shipping
from workflows.steps.call import written_down
from workflows.telling import tell

R = TypeVar("R")
FINAL: Final = frozenset({"delivered", "cancelled", "lost"})


@workflow.defn
class FulfillmentWorkflow(Counter, DeskMessages):
    @workflow.init
    def __init__(self, part: FulfillmentInput) -> None:
        self._part = part
        self._state = part.state
        self._desk = Desk(part.order_id, part.fulfillment_id, part.timings)
        self._stopped = False
        self._blocked = frozenset(part.blocked)  # by the order's holds
        self._news = 0  # how often they were told of
        self._authorizations = Authorizations(
            lambda: self._part, self._desk, self._waits, lambda: self._stopped
        )
        self._road = (
            Journey(part, self._desk, self._tell_order)
            if part.by_the_book
            else Road(part, self._desk)
        )
        self._seen: set[str] = set()

    @workflow.run
    async def run(self, part: FulfillmentInput) -> FulfillmentResult:
        self._authorizations.rely()
        try:
            if self._state not in FINAL and self._state != "handed_over":
                await self._ready()
                await self._warehouse()
                await (self._hand_out() if part.pickup else self._ship())
        except Refused:
            return await to_the_end(self._cancel())
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            await to_the_end(self._cancel())
            raise
        if self._state not in FINAL:
            await self._deliver_whatever_happens()
        return await self._finish()

    # -- in our hands

    async def _ready(self) -> None:
        """A part that waits for stock, or came of dividing another, is not at once ready."""
        if self._state == BACKORDERED:
            self._show("wait for stock")
            await await_stock(
                self._part, self._desk, lambda: self._stopped or self._state != BACKORDERED
            )
            self._stop_if_asked()
        await authorize_shares(self._part, self._desk)
        await self._authorizations.renew()
        self._stop_if_asked()

    async def _warehouse(self) -> None:
        times = self._part.timings
        await self._until("pick", "open", times.pick_s)
        await self._until("pack", "picked", times.pack_s)

    async def _until(self, step: str, before: str, then_s: float) -> None:
        """Wait for the warehouse; when it is late, ask, and go on as soon as it reports.

        First it has what its calendar gives it, then `then_s`.
        """
        first_s = self._part.due_s
        within_s = then_s if first_s is None else max(0.0, first_s)
        self._show(step)
        while self._state == before and not self._stopped:
            try:
                await workflow.wait_condition(
                    lambda: self._state != before or self._stopped,
                    timeout=timedelta(seconds=self._authorizations.shorter(within_s)),
                    timeout_summary=f"{step} is late",
                )
            except TimeoutError:
                within_s = then_s
                if await self._authorizations.renew():
                    continue
                if Transition.RELEASE in self._blocked:
                    continue  # it is not the warehouse that is late
                await self._authorizations.kept_while(self._ask_about(step, before))
        self._stop_if_asked()

    async def _ask_about(self, step: str, before: str) -> None:
        await self._desk.ask(
            step,
            f"{step}_overdue",
            f"{self._part.location} has not reported",
            ("retry", "compensate"),
            until=lambda: self._state != before or self._is_over(),
        )

    def _waits(self) -> bool:
        """For a person, or for the end of a hold: nobody knows for how long."""
        return bool(self._desk.reasons) or bool(self._blocked & LEAVING)

    def _is_over(self) -> bool:
        return self._stopped or self._authorizations.are_given_up

    async def _ship(self) -> None:
        self._show("buy label")
        await self._until_free()
        bought = await self._authorizations.kept_while(self._buy_label())
        await self._authorizations.renew()
        if not await self._begin_hand_over():
            raise Refused("cancelled")
        await self._capture()
        await shipping.hand_over(self._part)
        self._state = "handed_over"
        search.show_shipped(bought.carrier if bought else "unknown")

    async def _buy_label(self) -> shipping.Shipped | None:
        await self._desk.attempt(
            "create shipment",
            lambda: shipping.create_shipment(self._part),
            until=self._needs_no_label,
        )
        self._stop_if_asked()
        return await self._desk.attempt(
            "buy label",
            lambda: shipping.buy_label(self._part),
            until=self._needs_no_label,
        )

    def _needs_no_label(self) -> bool:
        is_stopped = self._stopped and workflow.patched("nobody-is-asked-about-a-needless-label")
        return is_stopped or self._authorizations.are_given_up

    async def _capture(self) -> None:
        for tender_no in self._part.cards:
            await self._desk.attempt(
                "capture payment",
                lambda tender_no=tender_no: money.capture(self._part, tender_no),  # type: ignore[misc]
                ("retry", "skip", "compensate"),
            )

    async def _until_free(self) -> None:
        """Nothing leaves while the order's holds forbid it; a cancellation ends the waiting."""
        while self._blocked & LEAVING and not self._is_over():
            await self._authorizations.kept_while(
                workflow.wait_condition(lambda: self._is_over() or not self._blocked & LEAVING)
            )
        self._stop_if_asked()

    async def _begin_hand_over(self) -> bool:
        """The database has the last word: a hold can be there before we are told of it."""
        while True:
            news = self._news
            with contextlib.suppress(OnHold):
                return await shipping.begin_hand_over(self._part)
            with contextlib.suppress(TimeoutError):  # or ask again, should nobody tell us
                await workflow.wait_condition(
                    lambda news=news: self._stopped or self._news != news,  # type: ignore[misc]
                    timeout=timedelta(seconds=self._part.timings.exception_s),
                    timeout_summary="ask again whether the order is on hold",
                )
            await self._until_free()

    async def _cancel(self) -> FulfillmentResult:
        """Ask our records first: the label of a parcel that left must stay good."""
        await self._authorizations.end()
        if not await shipping.cancel_fulfillment(self._part):
            # Money was captured and the units are gone: from here it is a delivery like any other.
            await self._deliver_whatever_happens()
            return await self._finish()
        self._state = "cancelled"
        if not self._part.pickup:
            await self._desk.attempt(
                "void label", lambda: shipping.void_label(self._part), RETRY_OR_SKIP
            )
        return await self._finish()

    # -- in the carrier's hands

    async def _deliver_whatever_happens(self) -> None:
        """After hand-over a cancellation comes too late: the parcel is followed to its end."""
        while self._state not in FINAL:
            try:
                self._show("delivery by the carrier")
                self._state = await self._road.follow()
            except BaseException as broken:
                if not is_cancelled_exception(broken):
                    raise
                workflow.logger.info("cancellation after hand-over is ignored")

    # -- small things

    async def _finish(self) -> FulfillmentResult:
        search.show_status(self._state)
        self._show(None)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return FulfillmentResult(self._part.fulfillment_id, self._state)

    def _stop_if_asked(self) -> None:
        if self._is_over() or self._state == "cancelled":
            raise Refused("cancelled")

    def _show(self, step: str | None) -> None:
        lines = [f"**{self._part.fulfillment_id}** from {self._part.location}: {self._state}"]
        if step:
            lines.append(f"Next: {step}")
        lines += [f"Waits for a person: {reason}" for reason in self._desk.reasons]
        workflow.set_current_details("\n\n".join(lines))

    # -- messages

    @workflow.update
    async def picked(self, done: LinesDone) -> None:
        if self._state != "open":
            return
        if done.reason is None:
            due_s = await self._record(shipping.record_picked(self._part, done))
            self._part = replace(self._part, due_s=due_s)
            self._move("open", "picked")
        else:
            await self._divide(parting.report_short_pick(self._part, done))

    @picked.validator
    def _check_picked(self, done: LinesDone) -> None:
        if done.reason is not None and self._state == "open" and not self._stopped:
            self._check_reason(done.reason)
            self._check_fewer(done)
        else:
            self._check_lines(done, ("open", "picked"))

    @workflow.update
    async def rejected(self, rejection: Rejection) -> None:
        if self._state in ("open", "picked"):
            await self._divide(parting.report_rejection(self._part, rejection))

    @rejected.validator
    def _check_rejected(self, rejection: Rejection) -> None:
        self._check_state(("open", "picked"))
        self._check_reason(rejection.reason)

    @workflow.update
    async def packed(self, done: LinesDone) -> None:
        if self._state == "open":
            # A crash may have forgotten the report of picking, but not its record.
            self._move("open", await shipping.recorded_state(self._part))
        if self._state == "open":
            raise reject("WrongState", "the fulfillment order is open")
        if self._state == "picked":
            await self._record(shipping.record_packed(self._part, done))
            self._move("picked", "packed")

    @packed.validator
    def _check_packed(self, done: LinesDone) -> None:
        self._check_lines(done, ("open", "picked", "packed"))

    @workflow.signal
    def recorded(self, state: str) -> None:
        """What the database has of the warehouse's reports; a crash may have forgotten them."""
        if state == "packed" and self._state in ("open", "picked"):
            self._state = state

    async def _record(self, report: Awaitable[R]) -> R:
        """Whoever reported other units than there are now hears so, as from the validator."""
        try:
            return await report
        except OtherUnits:
            await self.altered()
            raise

    async def _divide(self, report: Awaitable[parting.Planned]) -> None:
        """What this location does not ship is not ours any more: the order starts it elsewhere."""
        before = self._state
        await written_down()
        now = await self._record(report)
        self._part = as_it_stands(self._part, now)
        await self._tell_order()
        self._move(before, now.state)

    async def _tell_order(self) -> None:
        """An order whose run was lost finds all parts when it is started anew."""
        await tell(order_workflow_id(self._part.order_id), "parts_added")

    def _move(self, before: str, after: str) -> None:
        """The same report twice, or one that met a cancellation, takes nothing back."""
        if self._state == before:
            self._state = after

    def _check_lines(self, done: LinesDone, states: tuple[str, ...]) -> None:
        """The same report twice is no error; another quantity or another moment is."""
        self._check_state(states)
        if Transition.RELEASE in self._blocked:
            raise reject("WrongState", "the order is on hold")
        if sorted(done.lines) != sorted(self._part.lines):
            wanted = ", ".join(f"line {line}: {count}" for line, count in self._part.lines)
            raise reject("WrongQuantities", f"expected {wanted}")

    def _check_state(self, states: tuple[str, ...]) -> None:
        if self._stopped or self._state not in states:
            state = "being cancelled" if self._stopped else self._state
            raise reject("WrongState", f"the fulfillment order is {state}")

    def _check_reason(self, reason: str) -> None:
        """An exchange's parcel is its return's, which sends it whole or gives the money back."""
        if not self._part.by_the_book:
            raise reject("WrongState", "this parcel ships whole or not at all")
        if reason not in REASONS:
            raise reject("UnknownReason", f"known are: {', '.join(REASONS)}")

    def _check_fewer(self, done: LinesDone) -> None:
        """Some units, none too many, and not all: nothing at all is a rejection."""
        wanted, picked = dict(self._part.lines), dict(done.lines)
        is_within = all(0 <= count <= wanted.get(line, 0) for line, count in picked.items())
        if not is_within or not 0 < sum(picked.values()) < sum(wanted.values()):
            raise reject("WrongQuantities", "a short pick has some of the units, and not all")

    @workflow.signal
    def tracking(self, news: TrackingNews) -> None:
        if news.event_id not in self._seen:
            self._seen.add(news.event_id)
            self._road.hear(news.status)

    @workflow.signal
    def hold(self, news: HoldNews) -> None:
        """The order's holds have changed: what they forbid now."""
        self._blocked = frozenset(news.blocked)
        self._news += 1

    @workflow.signal
    async def stocked(self) -> None:
        """Units may have been found: the database says which, and where they lie."""
        if self._state == BACKORDERED:
            now = await parting.part_now(self._part.fulfillment_id)
            if now.state == "open":
                self._part = as_it_stands(self._part, now)
                await self._tell_order()
            self._move(BACKORDERED, now.state)

    @workflow.signal
    async def altered(self) -> None:
        """The order was changed: the database says which units are left."""
        now = await parting.part_now(self._part.fulfillment_id)
        self._part = replace(self._part, lines=now.lines, cards=now.cards)

    @workflow.signal
    def stop(self) -> None:
        """The order is cancelled and this part was still ours when the database was asked."""
        self._stopped = True
