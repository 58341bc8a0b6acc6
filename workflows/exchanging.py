"""What is sent instead of returned goods: held money, then a parcel as any other."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, is_cancelled_exception

from workflows.desk import RETRY_OR_SKIP, RETRY_OR_UNDO, Desk
from workflows.messages import FulfillmentInput, FulfillmentResult
from workflows.parcels import start_parcel
from workflows.refusals import Refused
from workflows.return_messages import ReturnInput
from workflows.shares import Asked, renew, until_authorized
from workflows.steps import money, returning
from workflows.steps.returning import Exchange

HOLD: Final = Asked("authorize exchange", "exchange_declined")
# The parcel has arrived: a security that cannot be had can only be let be.
SECURITY: Final = Asked("capture payment", "exchange_declined", RETRY_OR_SKIP)


@dataclass(frozen=True)
class Sent:
    part: Exchange
    run: workflow.ChildWorkflowHandle[Any, FulfillmentResult]


async def send(back: ReturnInput, desk: Desk, has_moved_on: Callable[[], bool]) -> Sent | None:
    """Plan what is sent, hold its money and start its run; None when it cannot be sent.

    Nor is it once the return `has_moved_on` while goods were waited for.
    """
    part: Exchange | None = None
    try:
        part = await _plan(back, desk, has_moved_on)
        if part is None:
            return None
        for tender_no in part.unauthorized:
            await _hold(back, desk, tender_no, part.number)
        if part.security is not None:
            await _hold(back, desk, part.security, None)
    except Refused:
        if part is not None:
            await returning.call_parcel_off(part.fulfillment_id)
        return None
    summary = f"{part.fulfillment_id} in exchange, from {part.location}"
    return Sent(part, await start_parcel(_as_parcel(back, part), summary))


async def _plan(back: ReturnInput, desk: Desk, has_moved_on: Callable[[], bool]) -> Exchange | None:
    """Raises: Refused, when a person gives up waiting for the goods."""
    while True:
        part = await returning.plan_exchange(back)
        if part.problem is None:
            return part
        if part.problem != "short":
            return None
        is_moot = has_moved_on if workflow.patched("what-is-moot-is-not-asked") else _never
        await desk.ask(
            "plan exchange", "exchange_short", "no location has it", RETRY_OR_UNDO, is_moot
        )


def _never() -> bool:
    return False


async def _hold(back: ReturnInput, desk: Desk, tender_no: int, number: int | None) -> None:
    """Raises: Refused, when the card is declined and nobody has it tried anew."""

    def take(attempt: int) -> Awaitable[money.Taken]:
        return money.take(
            back.order_id, tender_no, "card", back.timings, fulfillment_number=number,
            attempt=attempt,
        )  # fmt: skip

    await until_authorized(HOLD, take, lambda taken: taken.state == "held", desk)


def _as_parcel(back: ReturnInput, part: Exchange) -> FulfillmentInput:
    return FulfillmentInput(
        order_id=back.order_id,
        number=part.number,
        fulfillment_id=part.fulfillment_id,
        channel=back.channel,
        location=part.location,
        lines=part.lines,
        cards=part.cards,
        state=part.state,
        timings=back.timings,
        due_s=part.due_s,
    )


async def ended(sent: Sent) -> None:
    """Wait for the parcel's end; our records say which it was."""
    try:
        await sent.run
    except ChildWorkflowError as broken:
        if not is_cancelled_exception(broken):
            raise


async def capture_security(back: ReturnInput, desk: Desk, part: Exchange) -> None:
    """Take what was held for goods that are not back; what may have lapsed is held anew first."""
    tender_no = await returning.charge_security(back)
    if tender_no is None:
        return
    parcel = _as_parcel(back, part)
    if workflow.patched("a-lapsed-security-is-held-anew"):
        for old in await money.lapsing_authorizations(parcel):
            if old.tender_no == tender_no and not await renew(parcel, old, desk, SECURITY):
                return
    await desk.attempt("capture payment", lambda: money.capture(parcel, tender_no), RETRY_OR_SKIP)
