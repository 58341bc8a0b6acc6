"""Goods that came back and belong to no return: each is a task for a person."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import ReturnsHandler, ReturnsReader
from api.context import Ctx
from api.fields import Answer, Body, IdempotencyKey, ListQuery, Moment, ShortText, Sku
from api.pagination import LARGEST_ROW_NUMBER, decode, fingerprint, page_of, row_number
from api.problems import Kind, Problem, documented, invalid
from api.return_models import Units
from db.inbox import audit
from db.inbox import unmatched as kept
from db.queries import returns, unmatched

router: Final = APIRouter(tags=["returns"])
Resolution = Literal["restock", "scrap", "sent_back", "quarantine"]
GoodsId = Annotated[int, Path(ge=1, le=LARGEST_ROW_NUMBER)]
_WRITES: Final = (
    Kind.NOT_FOUND, Kind.WRONG_STATE, Kind.STILL_IN_PROGRESS, Kind.INVALID_REQUEST,
    Kind.IDEMPOTENCY_KEY_REUSED,
)  # fmt: skip
CREATED: Final = 201


class GoodsView(Answer):
    goods_id: int
    location: str
    sku: str | None
    quantity: int
    rma: str | None = Field(description="the return in whose parcel they were")
    kind: Literal["extra", "wrong_item", "unknown"]
    state: Literal["open", "resolved"]
    resolution: Resolution | None
    resolved_by: str | None
    received_at: Moment
    resolved_at: Moment | None


class GoodsPage(Answer):
    items: list[GoodsView]
    next_cursor: str | None = Field(description="null on the last page")


class GoodsQuery(ListQuery):
    state: Literal["open", "resolved"] | None = None


class NewGoods(Body):
    location: ShortText
    sku: Sku | None = Field(default=None, description="null when nobody knows what it is")
    quantity: Units


class NewDecision(Body):
    resolution: Resolution


@router.get("/unmatched-goods", response_model=GoodsPage, responses=documented(Kind.INVALID_CURSOR))
async def list_unmatched_goods(
    query: Annotated[GoodsQuery, Query()], context: Ctx, _: ReturnsReader
) -> dict[str, Any]:
    """List goods that belong to no return, oldest first. Scope: `returns:read`."""
    mark = fingerprint("unmatched-goods", query.state)
    after = decode(query.cursor, mark, row_number)
    async with context.engine.connect() as tx:
        found = await unmatched.list_goods(tx, query.state, after=after, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda each: [str(each["goods_id"])]))


@router.post(
    "/unmatched-goods", response_model=GoodsView, status_code=CREATED,
    responses=documented(*_WRITES),
)  # fmt: skip
async def set_goods_aside(
    new: NewGoods, context: Ctx, caller: ReturnsHandler, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Write down goods that nobody announced. Scope: `returns:handle`."""
    once = Once(context, caller, idempotency_key, ["POST /unmatched-goods", new.model_dump()])

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        await _check(tx, new)
        goods_id = await kept.set_aside(tx, kept.NewGoods(new.location, new.sku, new.quantity))
        change = audit.Change(after={"state": "open", "quantity": new.quantity})
        await audit.record(tx, caller.actor, "GoodsSetAside", str(goods_id), change)
        return await _found(tx, goods_id)

    return await once.written(write, CREATED)


@router.post(
    "/unmatched-goods/{goods_id}/resolve", response_model=GoodsView,
    responses=documented(*_WRITES),
)  # fmt: skip
async def resolve_goods(
    goods_id: GoodsId,
    decision: NewDecision,
    context: Ctx,
    caller: ReturnsHandler,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Decide what becomes of goods that belong to no return. Scope: `returns:handle`."""
    what = [f"POST /unmatched-goods/{goods_id}/resolve", decision.model_dump()]
    once = Once(context, caller, idempotency_key, what)

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        goods = await kept.locked(tx, goods_id)
        _permit(goods_id, goods, decision.resolution)
        await kept.resolve(tx, goods, decision.resolution, caller.actor)
        change = audit.Change({"state": "open"}, {"resolution": decision.resolution})
        await audit.record(tx, caller.actor, "GoodsResolved", str(goods_id), change)
        return await _found(tx, goods_id)

    return await once.written(write)


def _permit(goods_id: int, goods: Any, resolution: str) -> None:
    """Raises: Problem."""
    if goods is None:
        raise Problem(Kind.NOT_FOUND, f"there are no goods {goods_id}")
    if goods.state != "open":
        raise Problem(Kind.WRONG_STATE, f"resolved before: {goods.resolution}")
    if resolution == "restock" and goods.sku is None:
        raise invalid([{"pointer": "/resolution", "detail": "nobody knows what it is"}])


async def _check(tx: AsyncConnection, new: NewGoods) -> None:
    """Raises: Problem."""
    faults = []
    if new.location not in await returns.known_locations(tx):
        faults.append({"pointer": "/location", "detail": f"{new.location!r} is unknown"})
    if new.sku is not None and not await returns.known_skus(tx, [new.sku]):
        faults.append({"pointer": "/sku", "detail": f"{new.sku!r} is unknown"})
    if faults:
        raise invalid(faults)


async def _found(tx: AsyncConnection, goods_id: int) -> dict[str, Any]:
    found = await unmatched.get_goods(tx, goods_id)
    assert found is not None
    return GoodsView.model_validate(found).model_dump(mode="json")
