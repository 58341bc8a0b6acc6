"""Holds: what an order waits for; placing and releasing one, and correcting an address."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api import holding
from api.answers import Once
from api.auth import FraudReviewer, OrdersReader, OrdersWriter
from api.cancelling import end_of
from api.context import Ctx
from api.fields import IdempotencyKey, OrderId
from api.hold_models import (
    LARGEST_NUMBER,
    AssessmentView,
    CorrectionAnswer,
    HoldAnswer,
    HoldList,
    NewCorrection,
    NewHold,
    NewRelease,
)
from api.problems import Kind, Problem, documented
from api.updates import taken
from db.queries import holds
from domain.fraud import Facts, points

router: Final = APIRouter(tags=["holds"])
HoldNumber = Annotated[int, Path(ge=1, le=LARGEST_NUMBER, examples=[1])]
_TOLD: Final = documented(Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.TOO_LATE, Kind.WRONG_STATE)


@router.get(
    "/orders/{order_id}/holds", response_model=HoldList, responses=documented(Kind.NOT_FOUND)
)
async def list_holds(order_id: OrderId, context: Ctx, _: OrdersReader) -> dict[str, Any]:
    """List the order's holds, ended ones too. Scope: `orders:read`."""
    async with context.engine.connect() as connection:
        await end_of(connection, order_id)
        return {"items": await holds.list_holds(connection, order_id)}


@router.post(
    "/orders/{order_id}/holds",
    response_model=HoldAnswer,
    responses={**taken(HoldAnswer), **_TOLD},
)
async def place_hold(
    order_id: OrderId,
    hold: NewHold,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Hold the order up, as long as something is left that can be. Scope: `orders:write`."""
    what = [f"POST /orders/{order_id}/holds", hold.model_dump(mode="json")]
    return await holding.place(Once(context, caller, idempotency_key, what), order_id, hold)


@router.post(
    "/orders/{order_id}/holds/{number}/release",
    response_model=HoldAnswer,
    responses={**taken(HoldAnswer), **_TOLD},
)
async def release_hold(
    order_id: OrderId,
    number: HoldNumber,
    release: NewRelease,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Let the order go on. Scope: `orders:write`; of a fraud review `fraud:review` too."""
    what = [f"POST /orders/{order_id}/holds/{number}/release", release.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await holding.release(once, order_id, number, release.reason)


@router.post(
    "/orders/{order_id}/holds/{number}/correct-address",
    response_model=CorrectionAnswer,
    responses={**taken(CorrectionAnswer), **_TOLD},
)
async def correct_address(
    order_id: OrderId,
    number: HoldNumber,
    correction: NewCorrection,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Give an order on hold for its address a better one, which is verified. Scope: `orders:write`.

    When it can be delivered to, it becomes the order's, and the hold is released.
    """
    what = [f"POST /orders/{order_id}/holds/{number}/correct-address", correction.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await holding.correct(once, order_id, number, correction.ship_to)


@router.get(
    "/orders/{order_id}/fraud-assessment",
    response_model=AssessmentView,
    responses=documented(Kind.NOT_FOUND),
)
async def get_assessment(order_id: OrderId, context: Ctx, _: FraudReviewer) -> dict[str, Any]:
    """Read why the order got its score. Scope: `fraud:review`."""
    async with context.engine.connect() as connection:
        found = await _assessed(connection, order_id)
    return {**found, "points": points(Facts(**found["facts"]))}


async def _assessed(connection: AsyncConnection, order_id: str) -> dict[str, Any]:
    found = await holds.assessment(connection, order_id)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"no order {order_id} was assessed")
    return found
