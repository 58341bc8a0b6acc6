"""Orders: placing, reading, cancelling one."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse

from api import cancelling, placement
from api.answers import Once
from api.auth import OrdersReader, OrdersWriter
from api.cancelling import Cancellation, CancelRequest
from api.context import Ctx
from api.fields import (
    IdempotencyKey,
    OrderId,
    RequiredIdempotencyKey,
)
from api.order_models import OrderView, ReceivedView
from api.order_view import order_view, received_view
from api.placement_models import NewOrder, Placement
from api.problems import Kind, Problem, documented
from api.updates import taken
from db.queries import order_detail, received

router: Final = APIRouter(tags=["orders"])


@router.post(
    "/orders",
    status_code=201,
    response_model=Placement,
    responses={
        202: {"model": Placement, "description": "Kept safely; it will be decided on"},
        **documented(
            Kind.REFUSED_PAYMENT, Kind.EXPIRED_PAYMENT, Kind.REFUSED_STOCK, Kind.CONTENT_DIFFERS,
            Kind.STILL_IN_PROGRESS, Kind.CANCELLED, Kind.INVALID_REQUEST,
            Kind.IDEMPOTENCY_KEY_REUSED, Kind.REJECTED_INPUT, Kind.REFUSED_ADDRESS,
        ),
    },
)  # fmt: skip
async def place_order(
    order: NewOrder,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: RequiredIdempotencyKey,
    prefer: Annotated[str, Header(description="`respond-async`: do not wait")] = "",
) -> Response:
    """Place an order: it is kept first, then waited for until it is admitted or refused.

    When that takes too long, or with `Prefer: respond-async`, the answer is 202: the order is safe
    and will be decided on. Scope: `orders:write`.
    """
    placing = placement.read(order.model_dump(mode="json"), deferred="respond-async" in prefer)
    once = Once(context, caller, idempotency_key, ["POST /orders", placing.document])
    return await placement.place(once, placing)


@router.get(
    "/orders/{order_id}",
    response_model=OrderView | ReceivedView,
    responses={
        202: {"model": ReceivedView, "description": "Kept, and not admitted yet"},
        **documented(Kind.NOT_FOUND),
    },
)
async def get_order(order_id: OrderId, context: Ctx, _: OrdersReader, response: Response) -> Any:
    """Read one order with its parts and its story.

    The timeline ends in the next step and its deadline. The ETag is the order's version.
    Scope: `orders:read`.
    """
    async with context.engine.connect() as connection:
        found = await order_detail.order_detail(connection, order_id)
        if found is None:
            waiting = await received.received_order(connection, *order_id.split("-", 1))
            if waiting is None:
                raise Problem(Kind.NOT_FOUND, f"there is no order {order_id}")
            response.status_code = 200 if waiting.is_rejected else 202
            return received_view(waiting)
    response.headers["ETag"] = f'"{found["version"]}"'
    return order_view(found)


@router.post(
    "/orders/{order_id}/cancel",
    response_model=Cancellation,
    responses={
        **taken(Cancellation),
        **documented(Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.TOO_LATE),
    },
)
async def cancel_order(
    order_id: OrderId,
    request: CancelRequest,
    context: Ctx,
    caller: OrdersWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Cancel what was not handed over yet. Scope: `orders:write`.

    What is `accepted` is kept, and done unless the parcels leave before.
    """
    what = [f"POST /orders/{order_id}/cancel", request.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await cancelling.cancel(once, order_id, request.reason)
