"""Returns: asking for one with a preview, listing, reading."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from api import return_request
from api.answers import Once
from api.auth import ReturnsReader, ReturnsWriter
from api.context import Ctx
from api.fields import IdempotencyKey, ListQuery, OrderId, ReturnId
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented
from api.return_models import NewReturn, Preview, ReturnPage, ReturnView, State
from db.queries import returns

router: Final = APIRouter(tags=["returns"])
CREATED: Final = 201


class ReturnsQuery(ListQuery):
    state: State | None = None


@router.post(
    "/orders/{order_id}/returns",
    response_model=Preview,
    status_code=CREATED,
    responses={
        200: {"model": Preview, "description": "The preview of a dry run"},
        **documented(Kind.NOT_FOUND, Kind.STALE_VERSION, Kind.STILL_IN_PROGRESS,
                     Kind.NOT_RETURNABLE, Kind.INVALID_REQUEST, Kind.IDEMPOTENCY_KEY_REUSED),
    },
)  # fmt: skip
async def ask_for_return(
    order_id: OrderId,
    wanted: NewReturn,
    context: Ctx,
    caller: ReturnsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Ask for a return, or preview it with `dry_run`. Scope: `returns:write`."""
    if wanted.dry_run:
        async with context.engine.connect() as tx:
            return JSONResponse(await return_request.preview(tx, order_id, wanted))
    what = [f"POST /orders/{order_id}/returns", wanted.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await once.written(lambda tx: return_request.ask(tx, order_id, wanted, once), CREATED)


@router.get(
    "/orders/{order_id}/returns", response_model=ReturnPage,
    responses=documented(Kind.NOT_FOUND, Kind.INVALID_CURSOR),
)  # fmt: skip
async def list_returns_of_order(
    order_id: OrderId, query: Annotated[ReturnsQuery, Query()], context: Ctx, _: ReturnsReader
) -> dict[str, Any]:
    """List an order's returns, newest first. Scope: `returns:read`."""
    async with context.engine.connect() as tx:
        if not await returns.has_order(tx, order_id):
            raise Problem(Kind.NOT_FOUND, f"there is no order {order_id}")
    return await _page(context, query, returns.ReturnFilter(query.state, order_id))


@router.get("/returns", response_model=ReturnPage, responses=documented(Kind.INVALID_CURSOR))
async def list_returns(
    query: Annotated[ReturnsQuery, Query()], context: Ctx, _: ReturnsReader
) -> dict[str, Any]:
    """List returns, newest first. Scope: `returns:read`."""
    return await _page(context, query, returns.ReturnFilter(query.state))


async def _page(context: Ctx, query: ReturnsQuery, wanted: returns.ReturnFilter) -> dict[str, Any]:
    mark = fingerprint("returns", vars(wanted))
    after = decode(query.cursor, mark, lambda at, rma: returns.After(moment(at), rma))
    async with context.engine.connect() as tx:
        found = await returns.list_returns(tx, wanted, after=after, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda r: (r["requested_at"], r["rma"])))


@router.get("/returns/{rma}", response_model=ReturnView, responses=documented(Kind.NOT_FOUND))
async def get_return(rma: ReturnId, context: Ctx, _: ReturnsReader) -> dict[str, Any]:
    """Read one return with its items, labels and refunds. Scope: `returns:read`."""
    async with context.engine.connect() as tx:
        found = await returns.get_return(tx, rma)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"there is no return {rma}")
    return found
