"""Claims on carriers: what they owe for parcels that were lost or damaged, and how that ended."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import ExceptionsReader, ExceptionsWriter
from api.context import Ctx
from api.fields import Answer, Body, FulfillmentId, IdempotencyKey, ListQuery, Moment
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented, invalid
from db.inbox import audit
from db.inbox import claims as kept
from db.queries import claims

router: Final = APIRouter(tags=["exceptions"])
State = Literal["open", "settled", "refused"]
_WRITES: Final = (
    Kind.NOT_FOUND, Kind.WRONG_STATE, Kind.STILL_IN_PROGRESS, Kind.INVALID_REQUEST,
    Kind.IDEMPOTENCY_KEY_REUSED,
)  # fmt: skip


class ClaimView(Answer):
    fulfillment_id: str
    order_id: str
    cause: Literal["lost", "damaged", "no_first_scan"]
    tracking_number: str
    amount_minor: int = Field(description="what the parcel was worth")
    currency: str
    state: State
    settled_minor: int | None = Field(description="what the carrier pays")
    filed_at: Moment
    ended_by: str | None
    ended_at: Moment | None


class ClaimPage(Answer):
    items: list[ClaimView]
    next_cursor: str | None = Field(description="null on the last page")


class ClaimsQuery(ListQuery):
    state: State | None = None


class NewSettlement(Body):
    amount_minor: int = Field(ge=0, strict=True, description="at most what is claimed")


@router.get("/claims", response_model=ClaimPage, responses=documented(Kind.INVALID_CURSOR))
async def list_claims(
    query: Annotated[ClaimsQuery, Query()], context: Ctx, _: ExceptionsReader
) -> dict[str, Any]:
    """List claims on carriers, oldest first. Scope: `exceptions:read`."""
    mark = fingerprint("claims", query.state)
    after = decode(query.cursor, mark, lambda at, key: claims.After(moment(at), key))
    async with context.engine.connect() as tx:
        found = await claims.list_claims(tx, query.state, after=after, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda c: (c["filed_at"], c["fulfillment_id"])))


@router.post(
    "/claims/{fulfillment_id}/settled", response_model=ClaimView, responses=documented(*_WRITES)
)
async def settle_claim(
    fulfillment_id: FulfillmentId,
    settlement: NewSettlement,
    context: Ctx,
    caller: ExceptionsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Write down what the carrier pays. Scope: `exceptions:write`."""
    what = [f"POST /claims/{fulfillment_id}/settled", settlement.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await _end(once, fulfillment_id, settlement.amount_minor)


@router.post(
    "/claims/{fulfillment_id}/refused", response_model=ClaimView, responses=documented(*_WRITES)
)
async def refuse_claim(
    fulfillment_id: FulfillmentId,
    context: Ctx,
    caller: ExceptionsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Write down that the carrier pays nothing. Scope: `exceptions:write`."""
    once = Once(context, caller, idempotency_key, [f"POST /claims/{fulfillment_id}/refused"])
    return await _end(once, fulfillment_id, None)


async def _end(once: Once, fulfillment_id: str, settled_minor: int | None) -> JSONResponse:
    async def write(tx: AsyncConnection) -> dict[str, Any]:
        claim = await kept.locked(tx, fulfillment_id)
        _permit(fulfillment_id, claim, settled_minor)
        await kept.end(tx, fulfillment_id, settled_minor, once.caller.actor)
        found = await claims.get_claim(tx, fulfillment_id)
        assert found is not None
        after = {"state": found["state"], "settled_minor": settled_minor}
        change = audit.Change({"state": "open"}, after)
        await audit.record(tx, once.caller.actor, "ClaimEnded", fulfillment_id, change)
        return ClaimView.model_validate(found).model_dump(mode="json")

    return await once.written(write)


def _permit(fulfillment_id: str, claim: Any, settled_minor: int | None) -> None:
    """Raises: Problem."""
    if claim is None:
        raise Problem(Kind.NOT_FOUND, f"there is no claim about {fulfillment_id}")
    if claim.state != "open":
        raise Problem(Kind.WRONG_STATE, f"ended before: {claim.state}")
    if settled_minor is not None and settled_minor > claim.amount_minor:
        detail = f"only {claim.amount_minor} is claimed"
        raise invalid([{"pointer": "/amount_minor", "detail": detail}])
