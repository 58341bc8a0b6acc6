"""Stock levels, and what may be sold with the explanation of the number."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from api.auth import StockReader
from api.context import Ctx
from api.fields import ChannelCode, ListQuery, ShortText, Sku, SkuInPath
from api.pagination import decode, fingerprint, page_of
from api.problems import Kind, Problem, documented, invalid
from api.stock_models import AvailabilityView, LevelPage, SkuLevels
from db.queries import catalog, stock

router: Final = APIRouter(tags=["stock"])
# As many as there are lines in the largest basket that a page shows at once.
MOST_SKUS: Final = 100
MOST_POOLS: Final = 1_000


class LevelsQuery(ListQuery):
    sku: Sku | None = None
    pool: ShortText | None = None


@router.get("/stock", response_model=LevelPage, responses=documented(Kind.INVALID_CURSOR))
async def list_levels(
    query: Annotated[LevelsQuery, Query()], context: Ctx, _: StockReader
) -> dict[str, Any]:
    """List the levels of each SKU in each pool and its locations. Scope: `stock:read`."""
    mark = fingerprint("stock", [query.sku, query.pool])
    after = decode(query.cursor, mark, stock.After)
    async with context.engine.connect() as connection:
        found = await stock.list_levels(
            connection, query.sku, query.pool, after=after, limit=query.limit + 1
        )
    return vars(page_of(found, query.limit, mark, lambda level: (level["sku"], level["pool"])))


@router.get("/stock/{sku:path}", response_model=SkuLevels, responses=documented(Kind.NOT_FOUND))
async def get_levels(sku: SkuInPath, context: Ctx, _: StockReader) -> dict[str, Any]:
    """Read the levels of one SKU in every pool and location. Scope: `stock:read`."""
    async with context.engine.connect() as connection:
        product = await stock.find_product(connection, sku)
        if product is None:
            raise Problem(Kind.NOT_FOUND, f"there is no SKU {sku!r}")
        levels = await stock.list_levels(connection, sku, None, after=None, limit=MOST_POOLS)
    return {**product, "levels": levels}


@router.get("/ats", response_model=AvailabilityView)
async def available_to_sell(
    channel: ChannelCode,
    sku: Annotated[list[Sku], Query(min_length=1, max_length=MOST_SKUS)],
    context: Ctx,
    _: StockReader,
) -> dict[str, Any]:
    """Say how many units a channel may sell now, and why. Scope: `stock:read`."""
    async with context.engine.connect() as connection:
        known = await catalog.look_up(connection, channel, sku)
        errors = [
            {"pointer": "sku", "detail": f"{name!r} is unknown"} for name in known.unknown_skus
        ]
        if known.currencies is None:
            errors.append({"pointer": "channel", "detail": f"{channel!r} is unknown"})
        if errors:
            raise invalid(errors)
        found = await stock.available_to_sell(connection, channel, sku)
    return {"channel": channel, "items": found}
