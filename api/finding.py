"""Orders by filters, text and saved view: a page of them, and all of them as CSV."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Message, Send

from api.auth import OrdersReader
from api.context import Context, Ctx
from api.order_models import OrderPage
from api.order_query import OrdersQuery, SearchedWish
from api.order_view import item_view
from api.pagination import LARGEST_ROW_NUMBER, decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented
from api.spreadsheet import written
from api.views import known_view
from db.inbox import audit
from db.queries import order_export, orders
from db.queries.order_filter import After, OrderFilter

log = logging.getLogger(__name__)
router: Final = APIRouter(tags=["orders"])
Wish = TypeVar("Wish", bound=SearchedWish)
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One line an order, below a line of names",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/orders",
    response_model=OrderPage,
    responses=documented(Kind.INVALID_CURSOR, Kind.INVALID_REQUEST, Kind.NOT_FOUND),
)
async def list_orders(
    query: Annotated[OrdersQuery, Query()], context: Ctx, _: OrdersReader
) -> dict[str, Any]:
    """Find orders: by a text, by filters, by a saved view; newest first unless sorted otherwise.

    Scope: `orders:read`.
    """
    async with context.engine.connect() as connection:
        query = await _with_view(connection, query)
        wanted = query.wanted()
        mark = fingerprint("orders", [vars(wanted), query.q])
        after = decode(query.cursor, mark, lambda key, order_id: _after(wanted, key, order_id))
        found = await orders.list_orders(
            connection, wanted, text=query.q, after=after, limit=query.limit + 1
        )
    page = page_of(found.orders, query.limit, mark, lambda item: (_key(item), item.order_id))
    items = [item_view(item) for item in page.items]
    return {"items": items, "next_cursor": page.next_cursor, "match": found.match}


def _key(item: orders.OrderItem) -> Any:
    return str(item.sort_key) if isinstance(item.sort_key, int) else item.sort_key


def _after(wanted: OrderFilter, key: str, order_id: str) -> After:
    """Raises: ValueError."""
    if not wanted.sort.endswith("total_minor"):
        return After(moment(key), order_id)
    amount = int(key)
    if not 0 <= amount <= LARGEST_ROW_NUMBER:
        raise ValueError("no order costs this")
    return After(amount, order_id)


async def _with_view(connection: AsyncConnection, query: Wish) -> Wish:
    """What the view says, unless the query says otherwise. Raises: Problem."""
    if query.view is None:
        return query
    view = await known_view(connection, query.view)
    said = query.model_dump(exclude_unset=True)
    try:
        return type(query).model_validate({**view["query"], **said})
    except ValidationError:
        detail = f"the view {query.view} was saved for another version; save it again"
        raise Problem(Kind.INVALID_REQUEST, detail) from None


@router.get(
    "/orders/export",
    response_class=StreamingResponse,
    responses={**_CSV, **documented(Kind.INVALID_REQUEST, Kind.NOT_FOUND)},
)
async def export_orders(
    query: Annotated[SearchedWish, Query()], context: Ctx, caller: OrdersReader
) -> StreamingResponse:
    """Read all orders that a list would show, as CSV (RFC 4180), written while it is read.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    Scope: `orders:read`.
    """
    _require_room(context)
    async with context.engine.begin() as tx:
        query = await _with_view(tx, query)
        wanted = query.wanted()
        change = audit.Change(after={**query.asked(), "searched": query.q is not None})
        await audit.record(tx, caller.actor, "OrdersExported", "orders", change)
    pieces = _pieces(context, wanted, query.q)
    first = await anext(pieces)  # what fails now is still answered as a problem
    return _ReadOn(
        _continued(first, pieces),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="orders.csv"',
            "Cache-Control": "no-store",
        },
    )


def _require_room(context: Context) -> None:
    """Raises: Problem."""
    if context.exports.locked():
        raise Problem(Kind.OVERLOADED, "too many exports are under way")


async def _pieces(
    context: Context, wanted: OrderFilter, text: str | None
) -> AsyncGenerator[str, None]:
    _require_room(context)  # it may have been taken while this export was written down
    async with context.exports, context.engine.connect() as connection:
        head = written([order_export.COLUMNS])
        async for some in order_export.all_orders(connection, wanted, text):
            yield head + written(some)
            head = ""
        if head:
            yield head


class _ReadOn(StreamingResponse):
    """Gives up a reader that takes nothing for a while: it would keep others out of the export."""

    async def stream_response(self, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(order_export.UNREAD_S):
                await send(message)

        pieces = self.body_iterator
        assert isinstance(pieces, AsyncGenerator)
        async with aclosing(pieces):
            try:
                await super().stream_response(send_soon)
            except TimeoutError:  # what was sent has no end, and the server closes behind it
                log.warning("an export was given up: its reader took nothing for a while")


async def _continued(first: str, pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """Whoever stops reading ends the statement, too."""
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
