"""Small stand-ins for the stories: they answer the API's messages as the real ones are told to."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows.messages import (
        AddressCorrected,
        Admission,
        AskedBack,
        CancelOrder,
        CancelResult,
        ChangeOrder,
        ChangeResult,
        Collected,
        CorrectAddress,
        HoldPlaced,
        InterceptOrder,
        LinesDone,
        OrderInput,
        PlaceHold,
        Rejection,
        ReleaseHold,
        ResolveException,
    )

# What an external id that begins so is answered.
REFUSALS = {
    "stock": "refused_stock",
    "card": "refused_payment",
    "address": "refused_address",
    "input": "rejected_input",
}


@workflow.defn(name="OrderWorkflow")
class OrderDouble:
    """Stays open until told to end; "mute" orders are never admitted."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self.order = order
        self.word = order.order_id.partition("-")[2].partition("-")[0]
        self.is_ended = False
        self.decided: ResolveException | None = None
        self.asked: list[PlaceHold | ReleaseHold] = []

    @workflow.run
    async def run(self, order: OrderInput) -> str:
        if self.word in REFUSALS or self.word == "brief":
            await workflow.wait_condition(workflow.all_handlers_finished)
            return "refused"
        await workflow.wait_condition(lambda: self.is_ended)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return "ended"

    @workflow.update
    async def admission(self) -> Admission:
        if self.word == "mute":
            await workflow.wait_condition(lambda: self.is_ended)
        if self.word in REFUSALS:
            outcome = REFUSALS[self.word]
            return Admission(self.order.order_id, "refused", outcome, f"{outcome} it is")
        status = "awaiting_payment" if self.word == "slip" else "admitted"
        return Admission(self.order.order_id, status)

    @workflow.update
    async def cancel(self, request: CancelOrder) -> CancelResult:
        if self.word == "slow":
            await workflow.wait_condition(lambda: self.is_ended)
        if self.word == "gone":
            return CancelResult("too_late")
        return CancelResult("partly" if self.word == "partly" else "cancelled")

    @cancel.validator
    def check(self, request: CancelOrder) -> None:
        if self.word == "late":
            raise ApplicationError("the order is closed: delivered", type="TooLate")

    @workflow.update
    async def resolve_exception(self, decision: ResolveException) -> None:
        self.decided = decision

    @resolve_exception.validator
    def check_decision(self, decision: ResolveException) -> None:
        if self.word == "moot":
            raise ApplicationError("no such exception waits here", type="UnknownException")

    @workflow.update
    async def place_hold(self, hold: PlaceHold) -> HoldPlaced:
        self.asked.append(hold)
        return HoldPlaced(len(self.asked))

    @place_hold.validator
    def check_hold(self, hold: PlaceHold) -> None:
        if self.word == "late":
            raise ApplicationError("nothing is left that it could block", type="TooLate")

    @workflow.update
    async def release_hold(self, release: ReleaseHold) -> None:
        self.asked.append(release)

    @workflow.update
    async def correct_address(self, correction: CorrectAddress) -> AddressCorrected:
        return AddressCorrected(self.word != "wrong")

    @workflow.update
    async def change_address(self, correction: CorrectAddress) -> AddressCorrected:
        return AddressCorrected(self.word != "wrong", is_late=self.word == "late")

    @workflow.update
    async def change(self, change: ChangeOrder) -> ChangeResult:
        if self.word == "late":
            return ChangeResult("refused", "too_late")
        return ChangeResult("applied")

    @workflow.update
    async def intercept(self, request: InterceptOrder) -> AskedBack:
        return AskedBack(() if self.word == "late" else (1,))

    @workflow.query
    def decision(self) -> ResolveException | None:
        return self.decided

    @workflow.signal
    def end(self) -> None:
        self.is_ended = True


@dataclass
class PartInput:
    lines: list[tuple[int, int]]


@workflow.defn(name="FulfillmentWorkflow")
class FulfillmentDouble:
    @workflow.init
    def __init__(self, part: PartInput) -> None:
        self.part = part
        self.state = "open"
        self.reports: list[LinesDone] = []
        self.reasons: list[str] = []

    @workflow.run
    async def run(self, part: PartInput) -> str:
        await workflow.wait_condition(lambda: False)
        return "never"

    @workflow.update
    async def picked(self, done: LinesDone) -> None:
        self.state = "picked"
        self.reports.append(done)

    @picked.validator
    def check_picked(self, done: LinesDone) -> None:
        if done.reason is None:
            self._check(done, "open")

    @workflow.update
    async def rejected(self, rejection: Rejection) -> None:
        self.state = "cancelled"
        self.reasons.append(rejection.reason)

    @rejected.validator
    def check_rejected(self, rejection: Rejection) -> None:
        if self.state != "open":
            raise ApplicationError(f"it is {self.state}", type="WrongState")

    @workflow.update
    async def packed(self, done: LinesDone) -> None:
        self.state = "packed"
        self.reports.append(done)

    @packed.validator
    def check_packed(self, done: LinesDone) -> None:
        self._check(done, "picked")

    @workflow.update
    async def collected(self, by: Collected) -> None:
        self.state = f"collected by {by.actor}"

    @workflow.update
    async def resolve_exception(self, decision: ResolveException) -> None:
        self.state = decision.resolution

    @workflow.query
    def reported(self) -> list[LinesDone]:
        return self.reports

    @workflow.query
    def rejections(self) -> list[str]:
        return self.reasons

    def _check(self, done: LinesDone, before: str) -> None:
        if self.state != before:
            raise ApplicationError(f"it is {self.state}", type="WrongState")
        if [tuple(line) for line in done.lines] != [tuple(line) for line in self.part.lines]:
            raise ApplicationError("expected other lines", type="WrongQuantities")
