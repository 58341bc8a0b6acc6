"""Changes of placed orders: a preview, a confirmation, and what became of each."""

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api import changing, intercepting, readdressing, redelivering
from api.answers import Once
from api.auth import OrdersReader, OrdersWriter
from api.cancelling import end_of
from api.change_models import (
    AddressAnswer,
    ChangeAnswer,
    ChangeList,
    DeliveryAnswer,
    InterceptAnswer,
    NewChange,
    NewDelivery,
    NewDestination,
    NewIntercept,
)
from api.context import Ctx
from api.fields import IdempotencyKey, OrderId
from api.problems import Kind, documented
from api.updates import taken
from db.queries.change_facts import list_changes

router: Final = APIRouter(tags=["changes"])
# Of every change that names the version that the caller saw.
_REFUSED: Final = documented(
    Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.TOO_LATE, Kind.STALE_VERSION, Kind.NOT_CHANGEABLE,
    Kind.STILL_IN_PROGRESS,
)  # fmt: skip


@router.post(
    "/orders/{order_id}/changes",
    response_model=ChangeAnswer,
    responses={**taken(ChangeAnswer), **_REFUSED},
)
async def change_order(
    order_id: OrderId,
    wanted: NewChange,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Change what was ordered, or preview it with `dry_run`. Scope: `orders:write`.

    All of the changes are made, or none. Units that have left cannot be cancelled.
    """
    if wanted.dry_run:
        async with context.engine.connect() as tx:
            return JSONResponse(await changing.preview(tx, order_id, wanted))
    what = [f"POST /orders/{order_id}/changes", wanted.model_dump()]
    return await changing.ask(Once(context, caller, idempotency_key, what), order_id, wanted)


@router.get(
    "/orders/{order_id}/changes", response_model=ChangeList, responses=documented(Kind.NOT_FOUND)
)
async def list_order_changes(order_id: OrderId, context: Ctx, _: OrdersReader) -> dict[str, Any]:
    """List the order's changes, oldest first. Scope: `orders:read`."""
    async with context.engine.connect() as tx:
        await end_of(tx, order_id)
        return {"items": await list_changes(tx, order_id)}


@router.post(
    "/orders/{order_id}/intercept",
    response_model=InterceptAnswer,
    responses={
        **taken(InterceptAnswer),
        **documented(
            Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.TOO_LATE, Kind.WRONG_STATE,
            Kind.STILL_IN_PROGRESS,
        ),
    },
)  # fmt: skip
async def intercept_order(
    order_id: OrderId,
    wanted: NewIntercept,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Have the carrier bring back what has left; it is refunded then. Scope: `orders:write`."""
    what = [f"POST /orders/{order_id}/intercept", wanted.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await intercepting.intercept(once, order_id, wanted.reason)


@router.post(
    "/orders/{order_id}/address",
    response_model=AddressAnswer,
    responses={**taken(AddressAnswer), **_REFUSED},
)
async def change_address(
    order_id: OrderId,
    wanted: NewDestination,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Send the order to another address, which is verified first. Scope: `orders:write`.

    Until its first label is begun, and within the country it was ordered to.
    """
    what = [f"POST /orders/{order_id}/address", wanted.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await readdressing.readdress(once, order_id, wanted)


@router.post(
    "/orders/{order_id}/delivery",
    response_model=DeliveryAnswer,
    responses={**taken(DeliveryAnswer), **_REFUSED},
)
async def change_delivery(
    order_id: OrderId,
    wanted: NewDelivery,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Have the order collected instead of sent, or the other way round. Scope: `orders:write`.

    While it has no parcels: on hold, in its grace period, or not paid yet.
    """
    what = [f"POST /orders/{order_id}/delivery", wanted.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await redelivering.redeliver(once, order_id, wanted)
