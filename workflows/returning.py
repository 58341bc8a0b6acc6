"""The story of one return, from its request until nothing is owed for it any more."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow

from workflows import exchanging, search
from workflows.desk import RETRY_OR_SKIP, Desk, DeskMessages
from workflows.refusals import reject
from workflows.return_messages import (
    ReturnArrival,
    ReturnDecision,
    ReturnInput,
    ReturnInspection,
    ReturnResult,
    ReturnStanding,
)
from workflows.saga import to_the_end
from workflows.settling import settle_all
from workflows.steps import money, returning
from workflows.steps.call import written_down
from workflows.steps.returning import Opened, Owed, Standing

STEPS: Final = (
    "opening", "requested", "approved", "received", "inspected", "settled", "closed",
)  # fmt: skip


@workflow.defn
class ReturnWorkflow(DeskMessages):
    @workflow.init
    def __init__(self, back: ReturnInput) -> None:
        self._back = back
        self._desk = Desk(back.order_id, None, back.timings, name=back.rma)
        self._state = "opening"
        self._outcome: str | None = None
        self._sent: exchanging.Sent | None = None
        self._arrival_s = back.timings.return_arrival_s

    @workflow.run
    async def run(self, back: ReturnInput) -> ReturnResult:
        """What was sent or promised is brought to its end: a cancellation only ends the waiting."""
        return await to_the_end(self._story())

    async def _story(self) -> ReturnResult:
        opened = await returning.open_return(self._back.rma)
        self._stand(Standing(opened.state, opened.outcome))
        if opened.arrival_days is not None:
            self._arrival_s = opened.arrival_days * self._back.timings.promised_day_s
        await self._until_not("requested", "review", self._back.timings.return_review_s)
        if self._is_sent_ahead(opened):
            await self._send_ahead()
        if opened.method != "keep":
            await self._come_back(opened)
        if self._state in ("approved", "inspected", "settled"):
            await self._settle(opened)
        else:
            await self._let_go(opened)
        return await self._finish()

    # -- sent ahead

    def _is_sent_ahead(self, opened: Opened) -> bool:
        """A run that was started anew follows what was sent, wherever the goods are by now."""
        if not opened.advance or self._state in ("requested", "closed"):
            return False
        return self._state == "approved" or workflow.patched("what-was-sent-ahead-is-followed")

    async def _send_ahead(self) -> None:
        await self._send()
        if self._sent is None:
            owed = await returning.end_exchange(self._back)
            if owed.dues and workflow.patched("a-card-is-let-go-at-once"):
                await self._move_money(owed.dues)

    async def _send(self) -> None:
        at = self._state
        self._sent = await exchanging.send(self._back, self._desk, lambda: self._state != at)

    # -- on the way back

    async def _come_back(self, opened: Opened) -> None:
        if self._state == "approved":
            await self._give_label(opened.method)
            await self._await_arrival()
        await self._until_not("received", "inspect", self._back.timings.inspection_s)

    async def _give_label(self, method: str) -> None:
        self._show("return label")
        if method == "label":
            made = await self._desk.attempt(
                "create return label", self._make_label, RETRY_OR_SKIP, self._has_moved_on
            )
            if self._has_moved_on() and workflow.patched("a-label-nobody-got-goes-back"):
                # It may have been bought without an answer, and then the customer never had it.
                await self._give_label_back()
            if made or self._has_moved_on():
                return
        await returning.give_drop_off_code(self._back, self._arrival_s)

    def _has_moved_on(self) -> bool:
        return self._state != "approved"

    async def _make_label(self) -> bool:
        await returning.create_shipment(self._back)
        await returning.buy_label(self._back, self._arrival_s)
        return True

    async def _give_label_back(self) -> None:
        await self._desk.attempt("void return label", self._void, RETRY_OR_SKIP)

    async def _void(self) -> None:
        await returning.void_label(self._back)

    async def _await_arrival(self) -> None:
        """The warehouse says what came; the carrier is asked meanwhile; at last, nobody waits."""
        self._show("arrival of the goods")
        times = self._back.timings
        deadline = workflow.now() + timedelta(seconds=self._arrival_s)
        while self._state == "approved":
            left = (deadline - workflow.now()).total_seconds()
            if left <= 0:
                self._stand(await returning.give_up(self._back))
            elif not await self._moved_within("approved", min(left, times.return_poll_s)):
                await self._desk.attempt(
                    "poll return", self._poll, RETRY_OR_SKIP, self._has_moved_on
                )

    async def _poll(self) -> None:
        await returning.poll(self._back)

    async def _until_not(self, state: str, step: str, within_s: float) -> None:
        """Wait for a person; when nobody comes in time, ask, and go on as soon as one does."""
        while self._state == state:
            self._show(step)
            if not await self._moved_within(state, within_s):
                await self._desk.ask(
                    step,
                    f"{step}_overdue",
                    f"return {self._back.rma} waits",
                    ("retry",),
                    until=lambda: self._state != state,
                )

    async def _moved_within(self, state: str, seconds: float) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._state != state,
                timeout=timedelta(seconds=seconds),
                timeout_summary=f"{state} for too long",
            )
        except TimeoutError:
            return False
        return True

    # -- settling

    async def _settle(self, opened: Opened) -> None:
        self._show("refund")
        owed = await returning.settle(self._back)
        if opened.has_parcel:
            await self._exchange(opened)
            owed = await returning.money_owed(self._back)
        for refund_no in owed.refunds:
            await self._pay(lambda number=refund_no: returning.refund(self._back, number))  # type: ignore[misc]
        if (await self._move_money(owed.dues)).refunds:
            await returning.give_up_refunds(self._back)
        self._stand(await returning.close(self._back))

    async def _exchange(self, opened: Opened) -> None:
        """Follow what is sent instead to its end; when it does not arrive, money goes back."""
        self._show("delivery of the exchange")
        if not opened.advance:
            await self._send()
        if self._sent is not None:
            await exchanging.ended(self._sent)
        await returning.end_exchange(self._back)
        if opened.advance and self._sent is not None:
            await exchanging.capture_security(self._back, self._desk, self._sent.part)

    async def _pay(self, give: Callable[[], Awaitable[None]]) -> None:
        """A refund that cannot be made waits for a person, who may skip it: then it stays ours."""
        await self._desk.attempt("refund payment", give, RETRY_OR_SKIP)

    async def _move_money(self, dues: tuple[money.Due, ...]) -> Owed:
        """Until none is due, or a person lets it be: what becomes known may bring more about."""
        while True:
            skipped = await settle_all(self._back.order_id, dues, self._desk, self._back.timings)
            owed = await returning.money_owed(self._back)
            if skipped or not owed.dues or not workflow.patched("money-moves-until-none-is-due"):
                return owed
            dues = owed.dues

    async def _let_go(self, opened: Opened) -> None:
        """Nothing is settled: what was bought or held for it is let go."""
        if self._outcome == "cancelled" and opened.method == "label":
            await self._give_label_back()
        if self._outcome != "refused" and workflow.patched("a-return-that-is-over-holds-nothing"):
            await self._move_money(())

    # -- small things

    async def _finish(self) -> ReturnResult:
        search.show_status(self._outcome or self._state)
        self._show(None)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ReturnResult(self._back.rma, self._outcome or self._state)

    def _stand(self, now: Standing) -> ReturnStanding:
        """Take what the database says; of two answers on their way, the later step stands."""
        if STEPS.index(now.state) >= STEPS.index(self._state):
            self._state, self._outcome = now.state, now.outcome
        return ReturnStanding(now.state, now.outcome)

    def _show(self, step: str | None) -> None:
        lines = [f"**{self._back.rma}**: {self._outcome or self._state}"]
        if step:
            lines.append(f"Next: {step}")
        lines += [f"Waits for a person: {reason}" for reason in self._desk.reasons]
        workflow.set_current_details("\n\n".join(lines))

    # -- messages

    @workflow.update
    async def approve(self, decision: ReturnDecision) -> ReturnStanding:
        await written_down()
        return self._stand(await returning.approve(self._back, decision.actor))

    @approve.validator
    def _check_approve(self, decision: ReturnDecision) -> None:
        self._must_be("requested", "approved")

    @workflow.update
    async def refuse(self, decision: ReturnDecision) -> ReturnStanding:
        await written_down()
        return self._ended(await returning.refuse(self._back, decision.actor), "refused")

    @refuse.validator
    def _check_refuse(self, decision: ReturnDecision) -> None:
        self._must_be("requested")

    @workflow.update
    async def cancel(self, decision: ReturnDecision) -> ReturnStanding:
        await written_down()
        return self._ended(await returning.cancel(self._back, decision.actor), "cancelled")

    @cancel.validator
    def _check_cancel(self, decision: ReturnDecision) -> None:
        self._must_be("requested", "approved")

    @workflow.update
    async def receive(self, arrival: ReturnArrival) -> ReturnStanding:
        await written_down()
        return self._stand(await returning.receive(self._back, arrival))

    @receive.validator
    def _check_receive(self, arrival: ReturnArrival) -> None:
        self._must_be("approved", "received")

    @workflow.update
    async def inspect(self, inspection: ReturnInspection) -> ReturnStanding:
        await written_down()
        found = await returning.inspect(self._back, inspection)
        if found.problem:
            raise reject("WrongQuantities", found.problem)
        return self._stand(found)

    @inspect.validator
    def _check_inspect(self, inspection: ReturnInspection) -> None:
        self._must_be("received", "inspected")

    def _ended(self, now: Standing, wished: str) -> ReturnStanding:
        if now.outcome != wished:
            raise reject("TooLate", f"the return is {now.outcome or now.state}")
        return self._stand(now)

    def _must_be(self, *states: str) -> None:
        """The same report twice is no error; one at another moment is."""
        if self._state not in ("opening", *states):
            raise reject("WrongState", f"the return is {self._outcome or self._state}")
