"""Fulfillment orders: the warehouse's list, and its reports of what was picked and packed."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import FulfillmentsReader, FulfillmentsWriter
from api.context import Ctx
from api.fields import FulfillmentId, IdempotencyKey, ListQuery, ShortText
from api.fulfillment_models import (
    FulfillmentPage,
    FulfillmentView,
    PickDone,
    Rejected,
    Reported,
    State,
    WorkDone,
)
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented
from api.updates import Message, taken, tell
from db.inbox.audit import Change
from db.queries import fulfillments
from workflows.messages import LinesDone, Rejection, fulfillment_workflow_id

router: Final = APIRouter(tags=["fulfillments"])
_REPORT: Final[dict[str, Any]] = {
    "response_model": Reported,
    "responses": {
        **taken(Reported),
        **documented(Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.WRONG_STATE, Kind.WRONG_QUANTITIES),
    },
}


class FulfillmentsQuery(ListQuery):
    state: State | None = None
    location: ShortText | None = Field(default=None, description="a location's code")


@router.get(
    "/fulfillments", response_model=FulfillmentPage, responses=documented(Kind.INVALID_CURSOR)
)
async def list_fulfillments(
    query: Annotated[FulfillmentsQuery, Query()], context: Ctx, _: FulfillmentsReader
) -> dict[str, Any]:
    """List fulfillment orders, oldest first. Scope: `fulfillments:read`."""
    wanted = fulfillments.FulfillmentFilter(query.state, query.location)
    mark = fingerprint("fulfillments", vars(wanted))
    after = decode(query.cursor, mark, lambda at, key: fulfillments.After(moment(at), key))
    async with context.engine.connect() as connection:
        found = await fulfillments.list_fulfillments(
            connection, wanted, after=after, limit=query.limit + 1
        )
    return vars(page_of(found, query.limit, mark, _key))


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["created_at"], item["fulfillment_id"]


@router.get(
    "/fulfillments/{fulfillment_id}",
    response_model=FulfillmentView,
    responses=documented(Kind.NOT_FOUND),
)
async def get_fulfillment(
    fulfillment_id: FulfillmentId, context: Ctx, _: FulfillmentsReader
) -> dict[str, Any]:
    """Read one fulfillment order with its labels and tracking. Scope: `fulfillments:read`."""
    async with context.engine.connect() as connection:
        found = await fulfillments.get_fulfillment(connection, fulfillment_id)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"there is no fulfillment order {fulfillment_id}")
    return found


@router.post("/fulfillments/{fulfillment_id}/picked", **_REPORT)
async def report_picked(
    fulfillment_id: FulfillmentId,
    done: PickDone,
    context: Ctx,
    caller: FulfillmentsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Report what was picked: every line in full, or less of it with a reason.

    What is missing is sent from elsewhere, waits for stock or is cancelled.
    Scope: `fulfillments:write`.
    """
    what = [f"POST /fulfillments/{fulfillment_id}/picked", done.model_dump(exclude_none=True)]
    once = Once(context, caller, idempotency_key, what)
    lines = _lines(done)
    return await _report(
        once, fulfillment_id, "picked", LinesDone(caller.actor, lines, done.reason)
    )


@router.post("/fulfillments/{fulfillment_id}/packed", **_REPORT)
async def report_packed(
    fulfillment_id: FulfillmentId,
    done: WorkDone,
    context: Ctx,
    caller: FulfillmentsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Report that every line was packed: it will be labelled and handed over.

    Scope: `fulfillments:write`.
    """
    what = [f"POST /fulfillments/{fulfillment_id}/packed", done.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await _report(once, fulfillment_id, "packed", LinesDone(caller.actor, _lines(done)))


@router.post("/fulfillments/{fulfillment_id}/rejected", **_REPORT)
async def report_rejected(
    fulfillment_id: FulfillmentId,
    rejected: Rejected,
    context: Ctx,
    caller: FulfillmentsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Report that the location ships nothing of it: the units go from elsewhere, or wait.

    Scope: `fulfillments:write`.
    """
    what = [f"POST /fulfillments/{fulfillment_id}/rejected", rejected.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await _report(once, fulfillment_id, "rejected", Rejection(caller.actor, rejected.reason))


def _lines(done: WorkDone) -> tuple[tuple[int, int], ...]:
    return tuple((line.line_no, line.quantity) for line in done.lines)


async def _report(
    once: Once,
    fulfillment_id: str,
    step: Literal["picked", "packed", "rejected"],
    said: LinesDone | Rejection,
) -> JSONResponse:
    async def find(tx: AsyncConnection) -> Message:
        place = await fulfillments.find_run(tx, fulfillment_id)
        if place is None:
            raise Problem(Kind.NOT_FOUND, f"there is no fulfillment order {fulfillment_id}")
        # Not the run's to refuse: what a run has taken and refused, it refuses to every repeat.
        if place.ended or (step == "packed" and place.state == "open"):
            raise Problem(Kind.WRONG_STATE, f"the fulfillment order is {place.state}")
        return Message(
            workflow_id=fulfillment_workflow_id(place.order_id, place.number),
            name=step,
            argument=said,
            asked=f"Fulfillment{step.capitalize()}Reported",
            refused=f"Fulfillment{step.capitalize()}Refused",
            subject=fulfillment_id,
            change=Change({"state": place.state}, {"state": step} | _said(said)),
        )

    def body(is_done: bool, _: object) -> dict[str, Any]:  # noqa: FBT001 - called by position
        return {"fulfillment_id": fulfillment_id, "status": step if is_done else "accepted"}

    return await tell(once, find, body)


def _said(said: LinesDone | Rejection) -> dict[str, Any]:
    lines = {"lines": said.lines} if isinstance(said, LinesDone) else {}
    return lines | ({"reason": said.reason} if said.reason else {})
