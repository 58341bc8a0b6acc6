"""The story of one order, from its document until every parcel has arrived or nothing is owed."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, is_cancelled_exception

from domain.holds import Transition
from workflows import search
from workflows.desk import Desk, DeskMessages
from workflows.holding import HoldMessages, Holds
from workflows.messages import (
    Admission,
    AskedBack,
    CancelOrder,
    CancelResult,
    ChangeOrder,
    ChangeResult,
    FulfillmentResult,
    InterceptOrder,
    OrderInput,
    OrderResult,
    SlipNotice,
)
from workflows.refusals import Refused, reject
from workflows.saga import Saga, to_the_end
from workflows.settling import Skipped, close, give_back_money
from workflows.shares import authorize_share
from workflows.siblings import Ends, Siblings
from workflows.steps import changing, money, placing
from workflows.steps.call import written_down

# A run started anew may find that an earlier one was undoing the order: it goes on with that.
UNDONE: Final = frozenset({"voided", "given_back"})
# Money that may still be refused is asked for before a customer is sent to the bank.
TENDER_ORDER: Final = ("store_credit", "card", "debit", "manual", "bank_slip")


@workflow.defn
class OrderWorkflow(HoldMessages, DeskMessages):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self._order = order
        self._id = order.order_id
        self._timings = order.timings
        self._desk = Desk(order.order_id, None, order.timings)
        self._holds = Holds(order.order_id, self._desk, order.timings)
        self._saga = Saga()
        self._admission: Admission | None = None
        self._cancel: CancelOrder | None = None
        self._slips: dict[int, bool] = {}  # what the payment vendor said, by tender
        self._parcels = Siblings(order, lambda: self._holds.blocked)
        self._changes: tuple[int, ...] = ()  # confirmed before there were parcels
        self._skipped: Skipped = frozenset()  # of the money that must go back
        self._outcome: str | None = None

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        self._show("placing")
        try:
            plan = await self._place()
            outcome = await self._fulfill(plan)
        except Refused as refusal:
            return await to_the_end(self._refuse(refusal))
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            await to_the_end(self._refuse(Refused("cancelled", "cancelled by an operator")))
            raise
        return await to_the_end(self._end(outcome))

    # -- placing

    async def _place(self) -> tuple[placing.Planned, ...]:
        admitted = await placing.admit(self._order)
        if admitted.problems:
            raise Refused("rejected_input", "; ".join(admitted.problems))
        if not admitted.address_verified:
            await self._verify_address()
        await self._reserve(admitted.tenders)
        await self._pay(admitted.tenders)
        if admitted.asks_scorer:
            await self._holds.ask_scorer()
        plan = await self._route(admitted.tenders)
        self._answer("admitted")
        await self._authorize_shares(plan)
        self._stop_if_cancelled()
        return plan

    async def _verify_address(self) -> None:
        verified = await self._desk.attempt(
            "verify address",
            lambda: placing.verify_address(self._id, self._timings),
            ("retry", "skip", "compensate"),
        )
        if verified is not None and not verified.deliverable:
            await self._holds.wait_or_refuse(verified)
        self._stop_if_cancelled()

    async def _reserve(self, tenders: tuple[placing.TenderFact, ...]) -> None:
        self._saga.add(lambda: placing.release_stock(self._id))
        times = self._timings
        expires_s = times.reservation_s
        if any(tender.kind == "bank_slip" for tender in tenders):
            expires_s += times.slip_expiry_s + times.slip_grace_s
        reserved = await placing.reserve(self._id, expires_s, times)
        if reserved.short:
            raise Refused("refused_stock", f"not enough of {', '.join(reserved.short)}")

    async def _pay(self, tenders: tuple[placing.TenderFact, ...]) -> None:
        self._saga.add(self._give_back_money)
        slips = []
        for tender in sorted(tenders, key=lambda t: (TENDER_ORDER.index(t.kind), t.tender_no)):
            self._stop_if_cancelled()
            taken = await self._take(tender)
            if taken.state == "declined":
                raise Refused("refused_payment", taken.code)
            if taken.state == "expired":
                raise Refused("expired_payment")
            if taken.state in UNDONE:
                raise Refused("cancelled", "its payment was given back before")
            if taken.state == "pending":
                slips.append(tender.tender_no)
        if slips:
            self._answer("awaiting_payment")
            await self._await_slips(slips)

    async def _take(self, tender: placing.TenderFact) -> money.Taken:
        taken = await self._desk.attempt(
            "take payment",
            lambda: money.take(self._id, tender.tender_no, tender.kind, self._timings),
        )
        assert taken is not None, "nobody may skip being paid"
        return taken

    async def _await_slips(self, slips: list[int]) -> None:
        """Wait until the bank says paid or expired; when it says nothing in time, ask."""
        self._show("awaiting payment", "bank slip payment")
        search.show_status("awaiting_payment")
        patience = timedelta(seconds=self._timings.slip_expiry_s + self._timings.slip_grace_s)
        try:
            await workflow.wait_condition(
                lambda: (
                    self._cancel is not None
                    or any(paid is False for paid in self._slips.values())
                    or all(self._slips.get(slip) for slip in slips)
                ),
                timeout=patience,
                timeout_summary="bank slip expires",
            )
        except TimeoutError:
            await self._ask_about_slips(slips)
        for slip in slips:
            if slip in self._slips:
                await money.settle_slip(self._id, slip, paid=self._slips[slip])
        if any(not self._slips.get(slip, True) for slip in slips):
            raise Refused("expired_payment", "the bank slip was not paid in time")
        self._stop_if_cancelled()

    async def _ask_about_slips(self, slips: list[int]) -> None:
        for slip in slips:
            if slip not in self._slips:
                paid = await self._desk.attempt(
                    "check bank slip",
                    lambda slip=slip: money.slip_is_paid(self._id, slip, self._timings),  # type: ignore[misc]
                )
                self._slips.setdefault(slip, bool(paid))

    async def _route(self, tenders: tuple[placing.TenderFact, ...]) -> tuple[placing.Planned, ...]:
        is_anew = False
        while True:
            self._stop_if_cancelled()
            routed = await placing.route(self._id, self._timings, is_reserved_anew=is_anew)
            if routed.plan:
                self._holds.begin_with(routed.blocked)
                self._changes = routed.changes
                search.show_fulfilling([p.location for p in routed.plan], routed.promise_by)
                return routed.plan
            if routed.on_hold:
                await self._wait_for_holds()
            elif routed.unreserved:
                await self._reserve_anew(tenders)
                is_anew = True
            elif routed.is_sold_out:
                raise Refused("refused_stock", routed.unroutable or "")
            else:
                await self._desk.ask(
                    "route order", "unroutable", routed.unroutable or "", ("retry", "compensate")
                )

    async def _reserve_anew(self, tenders: tuple[placing.TenderFact, ...]) -> None:
        """The reservation ran out; an order that was on hold waits for stock, it is not refused."""
        try:
            await self._reserve(tenders)
        except Refused:
            if not (self._holds.was_held and await self._holds.wait_for_stock()):
                raise

    async def _wait_for_holds(self) -> None:
        """Routing is blocked; the customer need not wait, for stock and payment are there."""
        self._answer("admitted")
        self._show("on hold", "release of its holds")
        search.show_status("on_hold")
        await self._holds.until_free((Transition.ROUTING,), lambda: self._cancel is not None)

    async def _authorize_shares(self, plan: tuple[placing.Planned, ...]) -> None:
        """A card's authorization is captured once: each further parcel's share needs its own."""
        for part in plan:
            for tender_no in part.unauthorized:
                await authorize_share(self._id, part.number, tender_no, self._desk, self._timings)

    # -- fulfilling

    async def _fulfill(self, plan: tuple[placing.Planned, ...]) -> str:
        self._show("fulfilling", "delivery of every parcel")
        guard = self._guard_parcels()
        everything = asyncio.ensure_future(self._follow(plan))
        try:
            results = await asyncio.shield(everything)
        except asyncio.CancelledError:
            await to_the_end(self._parcels.stop())
            results = await everything
            await self._holds.dismiss(guard)
            if all(_state(result) == "cancelled" for result in results):
                raise
        await self._holds.dismiss(guard)
        states = {_state(result) for result in results}
        for state in ("delivered", "lost"):
            if state in states:
                return state
        return "cancelled"

    async def _follow(self, plan: tuple[placing.Planned, ...]) -> Ends:
        """Start every part, also when an operator cancels meanwhile, and follow each to its end."""
        await self._parcels.start(plan)
        # From here on every parcel answers for its own units.
        self._saga.dismiss()
        return await self._parcels.follow(self._changes)

    # -- ending

    async def _refuse(self, refusal: Refused) -> OrderResult:
        if refusal.outcome == "rejected_input":
            return await self._finish(refusal.outcome, refusal.reason)
        await self._saga.compensate()
        return await self._end(refusal.outcome, refusal.reason)

    async def _give_back_money(self) -> None:
        self._skipped = await give_back_money(self._id, self._desk, self._timings)

    async def _end(self, outcome: str, reason: str | None = None) -> OrderResult:
        await close(self._id, outcome, reason, self._desk, self._timings, self._skipped)
        return await self._finish(outcome, reason)

    async def _finish(self, outcome: str, reason: str | None) -> OrderResult:
        self._outcome = outcome
        if self._admission is None:
            refused = outcome != "delivered"
            self._admission = Admission(
                self._id, "refused" if refused else "admitted", outcome, reason
            )
        search.show_status(outcome)
        self._show(outcome)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OrderResult(self._id, outcome, reason)

    def _answer(self, status: str) -> None:
        if self._admission is None:
            self._admission = Admission(self._id, status)

    def _stop_if_cancelled(self) -> None:
        if self._cancel is not None and not self._parcels.all_started:
            raise Refused("cancelled", self._cancel.reason)

    def _show(self, status: str, step: str | None = None) -> None:
        """Write the card an operator sees first in the Temporal UI; it costs no event."""
        lines = [f"**{self._id}**: {status}"]
        if step:
            lines.append(f"Next: {step}")
        lines += [f"Waits for a person: {reason}" for reason in self._desk.reasons]
        workflow.set_current_details("\n\n".join(lines))

    async def _parcels_or_end(self) -> None:
        await workflow.wait_condition(
            lambda: self._parcels.all_started or self._outcome is not None
        )

    # -- messages

    @workflow.update
    async def admission(self) -> Admission:
        """Wait until the placement is decided; `run` does the work."""
        await workflow.wait_condition(lambda: self._admission is not None)
        assert self._admission is not None
        return self._admission

    @workflow.update
    async def cancel(self, request: CancelOrder) -> CancelResult:
        """The customer's cancellation: possible until hand-over, parcel by parcel."""
        await written_down()
        self._cancel = request
        await workflow.wait_condition(
            lambda: self._parcels.all_started or self._outcome is not None
        )
        if self._outcome is not None:
            return CancelResult("cancelled" if self._outcome == "cancelled" else "too_late")
        found = await self._parcels.stop()
        if not found.gone:
            return CancelResult("cancelled")
        return CancelResult("partly" if found.stopping else "too_late")

    @cancel.validator
    def _check_cancel(self, request: CancelOrder) -> None:
        if self._outcome is not None:
            raise reject("TooLate", f"the order is closed: {self._outcome}")

    @workflow.update
    async def change(self, request: ChangeOrder) -> ChangeResult:
        """A confirmed change: made as soon as there are parcels."""
        await written_down()
        await workflow.wait_condition(
            lambda: self._parcels.all_started or self._outcome is not None
        )
        return await self._parcels.change(request.number)

    @change.validator
    def _check_change(self, request: ChangeOrder) -> None:
        if self._outcome is not None:
            raise reject("TooLate", f"the order is closed: {self._outcome}")

    @workflow.update
    async def intercept(self, request: InterceptOrder) -> AskedBack:
        """What comes back is refunded without asking; what arrives all the same is delivered."""
        await written_down()
        return AskedBack(await changing.intercept(self._id, request.actor))

    @intercept.validator
    def _check_intercept(self, request: InterceptOrder) -> None:
        if self._outcome is not None:
            raise reject("TooLate", f"the order is closed: {self._outcome}")

    @workflow.signal
    def slip_settled(self, notice: SlipNotice) -> None:
        """The bank's word; what was paid stays paid, whatever order the words arrive in."""
        if not self._slips.get(notice.tender_no):
            self._slips[notice.tender_no] = notice.paid

    @workflow.signal
    async def parts_added(self) -> None:
        await self._parcels.look()


def _state(result: FulfillmentResult | BaseException) -> str:
    """A parcel's end; an operator's cancellation of its run counts as cancelled."""
    if isinstance(result, FulfillmentResult):
        return result.state
    if isinstance(result, ChildWorkflowError) and is_cancelled_exception(result):
        return "cancelled"
    raise result
