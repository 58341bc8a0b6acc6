"""What can be imported in bulk, and how a batch of each kind is checked and written."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Importing(By):
    import_id: str = ""


@dataclass
class Candidate:
    """A row on its way: its `entry` is written when it has no faults in the end."""

    row: int
    sent: dict[str, Any]
    said: dict[str, Any]
    faults: list[Fault]
    entry: dict[str, Any] = field(default_factory=dict)
    there: Mapping[str, Any] | None = None  # what is known of it already

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

    async def judge(self, tx: AsyncConnection, batch: Sequence[Candidate]) -> None:
        """Read the entry of each that is good by itself; the others are left with their faults."""
        ...

    async def take(self, tx: AsyncConnection, batch: Sequence[Candidate], by: Importing) -> Counts:
        """Write what is without fault, of entries with different keys, and count it."""
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

    async def judge(self, tx: AsyncConnection, batch: Sequence[Candidate]) -> None:
        await catalog.lock(tx, self._part)
        codes = [code for each in batch if (code := self._code_of(each)) and _storable(code)]
        there = await catalog.known(tx, self._part, codes)
        await asyncio.to_thread(self._judge, batch, there)

    def _code_of(self, candidate: Candidate) -> str:
        """Anything may stand there."""
        code = candidate.said.get(self._part.key)
        return code if isinstance(code, str) else ""

    def _judge(self, batch: Sequence[Candidate], there: Mapping[str, Mapping[str, Any]]) -> None:
        for each in batch:
            each.there = there.get(self._code_of(each))
            judged = each.judge(self._whole if each.there is None else self._change)
            if judged is not None:
                each.entry = models.named(judged)

    async def take(self, tx: AsyncConnection, batch: Sequence[Candidate], by: Importing) -> Counts:
        left = await self._without_conflicts(tx, batch)
        written = await catalog.put(tx, self._part, [each.entry for each in left], by)
        created = sum(each.is_new for each in written)
        changed = sum(each.is_changed for each in written)
        return Counts(created, changed - created, len(written) - changed)

    async def _without_conflicts(
        self, tx: AsyncConnection, batch: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Those that are not written keep what they have: so ask until all that are left fit."""
        left = list(batch)
        while left:
            entries = [each.entry for each in left]
            there = {e.entry[self._part.key]: e.there for e in left if e.there is not None}
            found = await catalog.faults(tx, self._part, entries, there)
            hindered = await catalog.hindrances(tx, self._part, entries, there)
            for each, faults, hindrance in zip(left, found, hindered, strict=True):
                each.faults += [*faults, *([hindrance] if hindrance else [])]
            if not any(each.faults for each in left):
                break
            left = [each for each in left if not each.faults]
        return left


class StockImporter:
    """Units come in: an entry that was received before is unchanged."""

    keys: tuple[str, ...] = ("location", "sku")
    columns = Columns(models.StockLevel, keys)

    async def judge(
        self,
        tx: AsyncConnection,  # noqa: ARG002 - an entry of stock says all by itself
        batch: Sequence[Candidate],
    ) -> None:
        await asyncio.to_thread(self._judge, batch)

    def _judge(self, batch: Sequence[Candidate]) -> None:
        for each in batch:
            judged = each.judge(models.StockLevel)
            if isinstance(judged, models.StockLevel):
                each.entry = judged.receipt()

    async def take(self, tx: AsyncConnection, batch: Sequence[Candidate], by: Importing) -> Counts:
        return await self._book(tx, await self._receivable(tx, batch), by)

    async def _receivable(
        self, tx: AsyncConnection, batch: Sequence[Candidate]
    ) -> list[dict[str, Any]]:
        refusals = await receiving.refusals(tx, [each.entry for each in batch])
        for each, refusal in zip(batch, refusals, strict=True):
            each.faults += [refusal] if refusal else []
        return [each.entry for each in batch if not each.faults]

    async def _book(
        self, tx: AsyncConnection, levels: Sequence[dict[str, Any]], by: Importing
    ) -> Counts:
        booked = await receiving.receive_many(tx, levels, f"import {by.import_id}")
        return Counts(created=len(booked), unchanged=len(levels) - len(booked))


class StockAtOnce(StockImporter):
    """Keeps what comes in until a whole file was judged: orders wait for the writing alone."""

    def __init__(self) -> None:
        self._levels: list[dict[str, Any]] = []

    async def take(
        self,
        tx: AsyncConnection,
        batch: Sequence[Candidate],
        by: Importing,  # noqa: ARG002 - nothing is written
    ) -> Counts:
        self._levels += await self._receivable(tx, batch)
        return Counts()

    async def receive(self, tx: AsyncConnection, by: Importing) -> Counts | None:
        """None: somebody has changed the catalogue, and it has to be judged again."""
        if any(await receiving.refusals(tx, self._levels)):
            return None
        return await self._book(tx, self._levels, by)


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
