"""The desk of a workflow: a step that cannot go on waits here, visible, for a person to decide."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.holds import OVERDUE_OWNERS
from domain.timings import Timings
from workflows import search
from workflows.messages import ResolveException
from workflows.refusals import Refused, reject
from workflows.saga import to_the_end
from workflows.steps import asking
from workflows.steps.call import written_down

T = TypeVar("T")
RETRY_OR_UNDO: Final = ("retry", "compensate")
RETRY_OR_SKIP: Final = ("retry", "skip")
OWNER: Final = "operations"
NOT_WAITING: Final = "no such exception waits here"
_WITHDRAWN: Final = "questions-end-with-a-cancellation"


@dataclass
class _Waiting:
    reason: str
    resolutions: tuple[str, ...]
    is_decided: bool = False
    decision: ResolveException | None = None


class Desk:
    """Raises exceptions and waits for their resolution; one a workflow."""

    def __init__(
        self, order_id: str, fulfillment_id: str | None, timings: Timings, name: str | None = None
    ) -> None:
        """`name` begins the exceptions' ids: the parcel's or the order's, if none is given."""
        self._order_id = order_id
        self._fulfillment_id = fulfillment_id
        self._name = name or fulfillment_id or order_id
        self._timings = timings
        self._count = 0
        self._waiting: dict[str, _Waiting] = {}

    @property
    def reasons(self) -> list[str]:
        return [waiting.reason for waiting in self._waiting.values()]

    async def attempt(
        self,
        step: str,
        do: Callable[[], Awaitable[T]],
        resolutions: tuple[str, ...] = RETRY_OR_UNDO,
        until: Callable[[], bool] = lambda: False,
    ) -> T | None:
        """Do a step; when it cannot be done, ask. `skip` and `override` answer None.

        So does `until`, once the step has become moot.
        Raises: Refused, when the person decides to undo what was done.
        """
        while True:
            try:
                return await do()
            except ActivityError as failed:
                if is_cancelled_exception(failed):
                    raise
                detail, said_in = str(failed.cause or failed), failed.activity_type
            decision = await self.ask(
                step, "step_exhausted", detail, resolutions, until, said_in=said_in
            )
            if decision != "retry":
                return None

    async def ask(
        self,
        step: str,
        reason: str,
        detail: str,
        resolutions: tuple[str, ...],
        until: Callable[[], bool] = lambda: False,
        said_in: str = "",
    ) -> str:
        """Raise an exception and wait for its resolution, or until it has become moot.

        `said_in` is the activity whose failure left a remark.
        Returns the resolution ("moot" when `until` came true).
        Raises: Refused for `compensate`.
        """
        raised = self._new(step, reason, detail, resolutions, said_in)
        waiting = self._waiting[raised.exception_id] = _Waiting(reason, resolutions)
        try:
            await asking.raise_exception(raised)
            search.show_exception(reason)
            await workflow.wait_condition(lambda: waiting.decision is not None or until())
            decision = waiting.decision or _moot(raised)
            await self._close(decision)
        except BaseException as broken:
            if is_cancelled_exception(broken) and workflow.patched(_WITHDRAWN):
                await to_the_end(self._withdraw(raised))
            raise
        if decision.resolution == "compensate":
            raise Refused("cancelled", f"{step}: {reason}")
        return decision.resolution

    def _new(
        self, step: str, reason: str, detail: str, resolutions: tuple[str, ...], said_in: str
    ) -> asking.Raised:
        self._count += 1
        info = workflow.info()
        # The run's start tells apart what a run started anew raises; ids stay readable.
        moment = int(info.workflow_start_time.timestamp())
        return asking.Raised(
            exception_id=f"{self._name}-x{moment}-{self._count}",
            workflow_id=info.workflow_id,
            order_id=self._order_id,
            fulfillment_id=self._fulfillment_id,
            step=step,
            reason=reason,
            detail=detail,
            within_s=self._timings.exception_s,
            resolutions=resolutions,
            owner=OVERDUE_OWNERS.get(reason, OWNER),
            said_in=said_in,
        )

    async def _withdraw(self, raised: asking.Raised) -> None:
        """The run does something else now: nobody would hear the answer.

        Raising may have been broken off; raised again, it cannot be raised after its end.
        """
        self._waiting.pop(raised.exception_id, None)
        await asking.raise_exception(raised)
        await self._close(_moot(raised))

    async def _close(self, decision: ResolveException) -> None:
        self._waiting.pop(decision.exception_id, None)
        await asking.resolve_exception(
            asking.Resolved(
                decision.exception_id,
                self._order_id,
                decision.resolution,
                decision.actor,
                decision.note,
            )
        )
        if not self._waiting:
            search.show_exception(None)
        elif workflow.patched("questions-that-are-left-are-shown"):
            search.show_exception(self.reasons[-1])

    def check(self, decision: ResolveException) -> None:
        """Refuse a decision about something that does not wait, or that is not permitted."""
        waiting = self._waiting.get(decision.exception_id)
        if waiting is None or waiting.is_decided:
            raise reject("UnknownException", NOT_WAITING)
        if decision.resolution not in waiting.resolutions:
            raise reject("NotPermitted", f"permitted are: {', '.join(waiting.resolutions)}")

    async def decide(self, decision: ResolveException) -> None:
        """Take the one decision that counts; what has become moot meanwhile stays so."""
        waiting = self._waiting[decision.exception_id]
        waiting.is_decided = True
        await written_down()
        is_asked = self._waiting.get(decision.exception_id) is waiting
        if not is_asked and workflow.patched("answers-come-in-time"):
            raise reject("UnknownException", NOT_WAITING)
        waiting.decision = decision


def _moot(raised: asking.Raised) -> ResolveException:
    return ResolveException(raised.exception_id, "moot", "system")


class DeskMessages:
    """The message of the person who decides, for every story with a desk to inherit."""

    _desk: Desk

    @workflow.update
    async def resolve_exception(self, decision: ResolveException) -> None:
        await self._desk.decide(decision)

    @resolve_exception.validator
    def _check_resolution(self, decision: ResolveException) -> None:
        self._desk.check(decision)
