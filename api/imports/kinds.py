"""What can be imported in bulk, and how a batch of each kind is checked and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import catalog_models as models
from api.fields import Body
from api.imports.columns import Columns
from db.inbox import catalog, receiving
from db.inbox.catalog import By, Fault, Part
from db.inbox.imports import Counts
from domain.order import UNSTORABLE

Kind = Literal["products", "locations", "stock"]


@dataclass
class Candidate:
    """A row on its way: it is written when it has no faults in the end."""

    row: int
    sent: dict[str, Any]
    said: dict[str, Any]
    faults: list[Fault]

    def judge(self, model: type[Body]) -> Body | None:
        try:
            return model.model_validate(self.said)
        except ValidationError as wrong:
            self.faults += [_fault(each) for each in wrong.errors()]
            return None


class Importer(Protocol):
    """`keys`: the fields that tell entries apart."""

    keys: tuple[str, ...]
    columns: Columns

    async def take(self, tx: AsyncConnection, batch: Sequence[Candidate], by: By) -> Counts:
        """Write what is without fault and count it; the others are left with their faults."""
        ...


class CatalogImporter:
    """New entries must be whole; of those that are there, what is not named stays."""

    def __init__(self, part: Part, model: type[Body]) -> None:
        self.keys: tuple[str, ...] = (part.key,)
        self.columns = Columns(model, self.keys)
        self._part = part
        self._whole = model
        key = {part.key: models.field(model, part.key)}
        self._change = models.partial(model, f"Import{part.noun}", frozenset(key), **key)

    async def take(self, tx: AsyncConnection, batch: Sequence[Candidate], by: By) -> Counts:
        await catalog.lock(tx, self._part)
        key = self._part.key
        codes = [code for each in batch if isinstance(code := each.said.get(key), str)]
        there = await catalog.known(tx, self._part, [code for code in codes if _storable(code)])
        left: list[tuple[Candidate, dict[str, Any]]] = []
        for each in batch:
            is_there = each.said.get(key) in there
            judged = each.judge(self._change if is_there else self._whole)
            if judged is not None:
                left.append((each, models.named(judged)))
        left = await self._without_conflicts(tx, left, there)
        written = await catalog.put(tx, self._part, [entry for _, entry in left], by)
        created = sum(each.is_new for each in written)
        changed = sum(each.is_changed for each in written)
        return Counts(created, changed - created, len(written) - changed)

    async def _without_conflicts(
        self,
        tx: AsyncConnection,
        left: list[tuple[Candidate, dict[str, Any]]],
        there: Mapping[str, Any],
    ) -> list[tuple[Candidate, dict[str, Any]]]:
        """Those that are not written keep what they have: so ask until all that are left fit."""
        while left:
            found = await catalog.faults(tx, self._part, [entry for _, entry in left], there)
            if not any(found):
                break
            for (each, _), faults in zip(left, found, strict=True):
                each.faults += faults
            left = [(each, entry) for each, entry in left if not each.faults]
        return left


class StockImporter:
    """Units come in: an entry that was received before is unchanged."""

    keys: tuple[str, ...] = ("location", "sku")
    columns = Columns(models.StockLevel, keys)

    async def take(
        self,
        tx: AsyncConnection,
        batch: Sequence[Candidate],
        by: By,  # noqa: ARG002 - the ledger of stock is its own record
    ) -> Counts:
        judged = [(each, each.judge(models.StockLevel)) for each in batch]
        levels = [(each, level) for each, level in judged if isinstance(level, models.StockLevel)]
        for part in (catalog.LOCATIONS, catalog.PRODUCTS):
            named = sorted({getattr(level, part.key) for _, level in levels})
            there = await catalog.known(tx, part, named)
            for each, level in levels:
                code = getattr(level, part.key)
                if code not in there:
                    each.faults.append(Fault(part.key, f"{code!r} is unknown"))
        good = [{**lv.model_dump(), "key": lv.key()} for each, lv in levels if not each.faults]
        booked = await receiving.receive_many(tx, good)
        return Counts(created=len(booked), unchanged=len(good) - len(booked))


IMPORTERS: Final[dict[Kind, Importer]] = {
    "products": CatalogImporter(catalog.PRODUCTS, models.Product),
    "locations": CatalogImporter(catalog.LOCATIONS, models.Location),
    "stock": StockImporter(),
}


def _fault(fault: Any) -> Fault:
    place = ".".join(str(part) for part in fault["loc"])
    said = fault["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return Fault(place, said)


def _storable(code: str) -> bool:
    """Whether the database can be asked for it."""
    return UNSTORABLE.search(code) is None
