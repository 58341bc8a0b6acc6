"""Saved views: a named set of filters and sorting that `GET /orders?view=NAME` applies."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import Admin, OrdersReader
from api.context import Ctx
from api.fields import Answer, IdempotencyKey, ListQuery, Moment
from api.order_query import OrderWish, ViewName
from api.pagination import decode, fingerprint, page_of
from api.problems import Kind, Problem, documented
from db.inbox import views as kept
from db.queries import views

router: Final = APIRouter(prefix="/views", tags=["orders"])
NameInPath = Annotated[ViewName, Path()]
_WRITES: Final = (Kind.IDEMPOTENCY_KEY_REUSED, Kind.STILL_IN_PROGRESS)


class SavedView(Answer):
    name: str
    query: dict[str, Any] = Field(description="as parameters of `GET /orders`")
    version: int = Field(description="1 at first, and one more with every change")
    saved_by: str
    saved_at: Moment


class SavedViewPage(Answer):
    items: list[SavedView]
    next_cursor: str | None = Field(description="null on the last page")


class RemovedView(Answer):
    name: str
    status: str = "removed"


@router.get("", response_model=SavedViewPage, responses=documented(Kind.INVALID_CURSOR))
async def list_views(
    query: Annotated[ListQuery, Query()], context: Ctx, _: OrdersReader
) -> dict[str, Any]:
    """List saved views by name. Scope: `orders:read`."""
    mark = fingerprint("views", None)
    after = decode(query.cursor, mark, str)
    async with context.engine.connect() as connection:
        found = await views.list_views(connection, after=after, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda each: [each["name"]]))


@router.get("/{name}", response_model=SavedView, responses=documented(Kind.NOT_FOUND))
async def get_view(name: NameInPath, context: Ctx, _: OrdersReader) -> dict[str, Any]:
    """Read one saved view. Scope: `orders:read`."""
    async with context.engine.connect() as connection:
        return await known_view(connection, name)


@router.put(
    "/{name}",
    response_model=SavedView,
    responses=documented(Kind.NOT_FOUND, Kind.INVALID_REQUEST, *_WRITES),
)
async def save_view(
    name: NameInPath,
    wish: OrderWish,
    context: Ctx,
    caller: Admin,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Save a view, or put another in its place; the last to save is right. Scope: `admin`."""
    wish.wanted()
    once = Once(context, caller, idempotency_key, [f"PUT /views/{name}", wish.asked()])

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        await kept.save(tx, caller.actor, name, wish.asked())
        return SavedView.model_validate(await known_view(tx, name)).model_dump(mode="json")

    return await once.written(write)


@router.delete(
    "/{name}", response_model=RemovedView, responses=documented(Kind.NOT_FOUND, *_WRITES)
)
async def remove_view(
    name: NameInPath, context: Ctx, caller: Admin, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Remove a saved view. Scope: `admin`."""
    once = Once(context, caller, idempotency_key, [f"DELETE /views/{name}"])

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        if not await kept.remove(tx, caller.actor, name):
            raise Problem(Kind.NOT_FOUND, f"there is no view {name}")
        return RemovedView(name=name).model_dump()

    return await once.written(write)


async def known_view(connection: AsyncConnection, name: str) -> dict[str, Any]:
    """Raises: Problem."""
    found = await views.get_view(connection, name)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"there is no view {name}")
    return found
