"""Products, locations, channels, pools and carriers' accounts: listed, read, put, changed, removed.

Five parts with the same five operations each, made of one description of the part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import catalog_models as models
from api import catalog_views as views
from api.answers import Once
from api.auth import CatalogReader, CatalogWriter
from api.context import Ctx
from api.fields import Body, IdempotencyKey, ListQuery, SkuInPath
from api.pagination import LARGEST_ROW_NUMBER, decode, fingerprint, page_of
from api.problems import Kind, Problem, documented, invalid
from db.inbox import catalog as kept
from db.inbox.catalog import By, Part
from db.queries import catalog_lists

router: Final = APIRouter(tags=["catalogue"])
Code = Annotated[SkuInPath, Path(description="its code")]
_Version = Annotated[
    int | None, Field(ge=0, le=LARGEST_ROW_NUMBER, description="0: it must not be there yet")
]
# Who changes much at once, an import, holds its part for longer: then the caller comes again.
LOCK_PATIENCE_S: Final = 3.0
_SeenVersion = Annotated[int, Field(ge=1, le=LARGEST_ROW_NUMBER, description="the one you saw")]
_WRITES: Final = (
    Kind.INVALID_REQUEST, Kind.IDEMPOTENCY_KEY_REUSED, Kind.STILL_IN_PROGRESS, Kind.STALE_VERSION,
    Kind.IN_USE,
)  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """A part of the catalogue as it is served."""

    part: Part
    one: str
    path: str
    model: type[Body]
    view: type[BaseModel]
    page: type[BaseModel]
    query: type[ListQuery]

    async def shown(self, connection: AsyncConnection, code: str) -> dict[str, Any]:
        """Raises: Problem when there is none."""
        found = await catalog_lists.get_entry(connection, self.part.table, self.part.key, code)
        if found is None:
            raise Problem(Kind.NOT_FOUND, f"there is no {self.one} {code!r}")
        return self.view.model_validate(found).model_dump(mode="json")

    async def seen(self, tx: AsyncConnection, code: str, version: int | None) -> Any:
        """Lock the part and return what is there. Raises: Problem when it is not that version."""
        await kept.bound_waits(tx, LOCK_PATIENCE_S)
        await kept.lock(tx, self.part)
        there = (await kept.known(tx, self.part, [code])).get(code)
        now = there["version"] if there else 0
        if version is not None and version != now:
            raise Problem(Kind.STALE_VERSION, f"it has version {now} now", {"version": now})
        return there

    async def write(
        self, tx: AsyncConnection, entry: Mapping[str, Any], there: Any, actor: str
    ) -> dict[str, Any]:
        """Raises: Problem naming what belongs to others, refers to nothing or must stay."""
        code = entry[self.part.key]
        known = {code: there} if there else {}
        [faults] = await kept.faults(tx, self.part, [entry], known)
        if faults:
            raise invalid([{"pointer": f"/{f.field}", "detail": f.reason} for f in faults])
        [hindrance] = await kept.hindrances(tx, self.part, [entry], known)
        if hindrance is not None:
            raise Problem(Kind.IN_USE, f"{hindrance.field}: {hindrance.reason}")
        await kept.put(tx, self.part, [entry], By(actor))
        return await self.shown(tx, code)

    async def remove(
        self, tx: AsyncConnection, code: str, version: int | None, actor: str
    ) -> dict[str, Any]:
        """Raises: Problem for what is not there, or must stay."""
        await self.shown(tx, code)
        there = await self.seen(tx, code, version)
        if there is None:
            raise Problem(Kind.NOT_FOUND, f"there is no {self.one} {code!r} any more")
        try:
            status = await kept.remove(tx, self.part, there, By(actor))
        except kept.InUse as refusal:
            raise Problem(Kind.IN_USE, str(refusal)) from None
        return views.Removed(code=code, status=status).model_dump()

    def whole(self, code: str, asked: Body) -> dict[str, Any]:
        """The entry that is put, with its code. Raises: Problem."""
        said = asked.model_dump(exclude={"version"}, exclude_unset=True)
        try:
            entry = self.model.model_validate({self.part.key: code, **said})
        except ValidationError as wrong:
            raise invalid(
                [{"pointer": "code", "detail": fault["msg"]} for fault in wrong.errors()]
            ) from None
        if getattr(entry, self.part.key) != code:
            raise invalid([{"pointer": "code", "detail": "a code has no space at its ends"}])
        return entry.model_dump(mode="json")


SHELVES: Final = (
    Shelf(kept.PRODUCTS, "product", "/products", models.Product, views.ProductView,
          views.ProductPage, views.ProductsQuery),
    Shelf(kept.LOCATIONS, "location", "/locations", models.Location, views.LocationView,
          views.LocationPage, views.LocationsQuery),
    Shelf(kept.CHANNELS, "channel", "/channels", models.Channel, views.ChannelView,
          views.ChannelPage, views.ChannelsQuery),
    Shelf(kept.POOLS, "pool", "/pools", models.Pool, views.PoolView, views.PoolPage,
          views.PoolsQuery),
    Shelf(kept.CARRIER_ACCOUNTS, "carrier_account", "/carrier-accounts", models.CarrierAccount,
          views.CarrierAccountView, views.CarrierAccountPage, views.CarrierAccountsQuery),
)  # fmt: skip


def _add_reads(shelf: Shelf) -> None:
    part, one = shelf.part, shelf.one
    name = part.table.replace("_", " ")

    @router.get(
        shelf.path, response_model=shelf.page, name=f"list_{part.table}",
        responses=documented(Kind.INVALID_CURSOR),
        description=f"List {name} in the order of their codes. Scope: `catalog:read`.",
    )  # fmt: skip
    async def list_entries(
        query: Annotated[shelf.query, Query()],  # type: ignore[name-defined]
        context: Ctx,
        _: CatalogReader,
    ) -> dict[str, Any]:
        wanted = query.model_dump(exclude={"limit", "cursor"})
        mark = fingerprint(part.table, wanted)
        after = decode(query.cursor, mark, str)
        async with context.engine.connect() as connection:
            found = await catalog_lists.list_entries(
                connection, part.table, part.key, wanted, after=after, limit=query.limit + 1
            )
        return vars(page_of(found, query.limit, mark, lambda each: [each[part.key]]))

    @router.get(
        f"{shelf.path}/{{code:path}}", response_model=shelf.view, name=f"get_{one}",
        responses=documented(Kind.NOT_FOUND),
        description=f"Read one {one.replace('_', ' ')}. Scope: `catalog:read`.",
    )  # fmt: skip
    async def get_entry(code: Code, context: Ctx, _: CatalogReader) -> dict[str, Any]:
        async with context.engine.connect() as connection:
            return await shelf.shown(connection, code)


def _add_writes(shelf: Shelf) -> None:
    part, one = shelf.part, shelf.one
    place = f"{shelf.path}/{{code:path}}"
    title = "".join(word.title() for word in one.split("_"))
    without_key = frozenset({part.key})
    whole = models.body(shelf.model, f"Put{title}", without_key, version=(_Version, None))
    change = models.partial(shelf.model, f"Change{title}", without_key, version=(_SeenVersion, ...))

    @router.put(
        place, response_model=shelf.view, name=f"put_{one}",
        responses=documented(Kind.NOT_FOUND, *_WRITES),
        description=f"Make a {one.replace('_', ' ')} or say it anew: what is left out is by "
        "default. Scope: `catalog:write`.",
    )  # fmt: skip
    async def put(
        code: Code,
        asked: whole,  # type: ignore[valid-type]
        context: Ctx,
        caller: CatalogWriter,
        idempotency_key: IdempotencyKey = None,
    ) -> JSONResponse:
        entry, version = shelf.whole(code, asked), getattr(asked, "version", None)

        async def write(tx: AsyncConnection) -> dict[str, Any]:
            there = await shelf.seen(tx, code, version)
            return await shelf.write(tx, entry, there, caller.actor)

        request = [f"PUT {shelf.path}/{code}", entry, version]
        return await Once(context, caller, idempotency_key, request).written(write)

    @router.patch(
        place, response_model=shelf.view, name=f"change_{one}",
        responses=documented(Kind.NOT_FOUND, *_WRITES),
        description="Change what is named; the rest stays as it is. Scope: `catalog:write`.",
    )  # fmt: skip
    async def patch(
        code: Code,
        asked: change,  # type: ignore[valid-type]
        context: Ctx,
        caller: CatalogWriter,
        idempotency_key: IdempotencyKey = None,
    ) -> JSONResponse:
        said = models.named(asked)
        version = said.pop("version")

        async def write(tx: AsyncConnection) -> dict[str, Any]:
            await shelf.shown(tx, code)
            there = await shelf.seen(tx, code, version)
            return await shelf.write(tx, {part.key: code, **said}, there, caller.actor)

        request = [f"PATCH {shelf.path}/{code}", said, version]
        return await Once(context, caller, idempotency_key, request).written(write)


def _add_removal(shelf: Shelf) -> None:
    @router.delete(
        f"{shelf.path}/{{code:path}}", response_model=views.Removed, name=f"remove_{shelf.one}",
        responses=documented(Kind.NOT_FOUND, *_WRITES),
        description="Delete what nothing refers to; retire what orders or stock refer to. "
        "Scope: `catalog:write`.",
    )  # fmt: skip
    async def remove(
        code: Code,
        context: Ctx,
        caller: CatalogWriter,
        version: Annotated[int | None, Query(ge=1, le=LARGEST_ROW_NUMBER)] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> JSONResponse:
        async def write(tx: AsyncConnection) -> dict[str, Any]:
            return await shelf.remove(tx, code, version, caller.actor)

        request = [f"DELETE {shelf.path}/{code}", version]
        return await Once(context, caller, idempotency_key, request).written(write)


for _shelf in SHELVES:
    _add_reads(_shelf)
    _add_writes(_shelf)
    _add_removal(_shelf)
