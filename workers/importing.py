"""Imports a set-up: places, channels and their brands, products, stock and so on; repeatable."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.setting_up import upsert_catalog
from api.catalog_models import STAYS
from db.inbox import audit
from db.inbox.audit import Change
from db.inbox.catalog import (
    CARRIER_ACCOUNTS,
    LOCATIONS,
    PRODUCTS,
    Fault,
    hindrances,
    known,
    lock,
)
from db.inbox.catalog import faults as faults_of
from db.inbox.content import content_sha256
from db.inbox.receiving import receive_many, refusals
from db.queries import catalog
from db.queries.catalog import Names
from workers.setup_file import KEYS, Setup, faulty


@dataclass(frozen=True)
class Origin:
    """Who imports, and why."""

    actor: str
    reason: str | None = None


async def import_setup(engine: AsyncEngine, setup: Setup, origin: Origin) -> dict[str, int]:
    """Write the set-up in one transaction; a second time, only what is new.

    Raises: UserError naming what refers to nothing.
    """
    async with engine.begin() as tx:
        if strangers := [*_strangers(setup, await _known(tx, setup))]:
            raise faulty(strangers)
        content = setup.model_dump(mode="json")
        said = {**content, **_said(setup)}
        if broken := [fault async for fault in _broken(tx, said)]:
            raise faulty(broken)
        await upsert_catalog(tx, said)
        levels = [level.receipt() for level in setup.stock]
        if refused := [*_refused(await refusals(tx, levels))]:
            raise faulty(refused)
        await receive_many(tx, levels)
        counts = {part: len(getattr(setup, part)) for part in KEYS}
        change = Change(after=counts, reason=origin.reason)
        await audit.record(tx, origin.actor, "SetUpImported", content_sha256(content), change)
    return counts


def _said(setup: Setup) -> dict[str, list[dict[str, Any]]]:
    """Without what stays as it is where the file does not name it."""
    return {
        part: [
            {
                name: value
                for name, value in entry.model_dump(mode="json").items()
                if name in entry.model_fields_set or name not in stays
            }
            for entry in getattr(setup, part)
        ]
        for part, stays in STAYS.items()
    }


async def _broken(tx: AsyncConnection, said: Mapping[str, Any]) -> AsyncIterator[str]:
    """What belongs to another entry already, and what may not close."""
    locations = said[LOCATIONS.table]
    await lock(tx, LOCATIONS)
    there = await known(tx, LOCATIONS, [each["location"] for each in locations])
    for number, hindrance in enumerate(await hindrances(tx, LOCATIONS, locations, there)):
        if hindrance is not None:
            yield f"locations[{number}].{hindrance.field}: {hindrance.reason}"
    for part in (PRODUCTS, CARRIER_ACCOUNTS):
        await lock(tx, part)
        faults = await faults_of(tx, part, said[part.table], there={})
        for number, found in enumerate(faults):
            for fault in found:
                yield f"{part.table}[{number}].{fault.field}: {fault.reason}"


def _refused(found: Sequence[Fault | None]) -> Iterator[str]:
    for number, refusal in enumerate(found):
        if refusal is not None:
            yield f"stock[{number}].{refusal.field}: {refusal.reason}"


async def _known(tx: AsyncConnection, setup: Setup) -> Names:
    """What the file may refer to: all that is here already, and all that it brings itself."""
    here = await catalog.names(tx, skus=[level.sku for level in setup.stock])
    return Names(
        pools=here.pools | set(setup.pools),
        locations=here.locations | {location.location for location in setup.locations},
        sellers=here.sellers | {seller.seller for seller in setup.sellers},
        series=here.series,
        skus=here.skus | {product.sku for product in setup.products},
        channels=here.channels | {channel.channel for channel in setup.channels},
    )


# Which field of which part names something that has to be there.
_REFERENCES: Final = (
    ("locations", "pool", "pools"),
    ("channels", "pool", "pools"),
    ("channels", "seller", "sellers"),
    ("brands", "channel", "channels"),
    ("return_policies", "channel", "channels"),
    ("stock", "location", "locations"),
    ("stock", "sku", "skus"),
)


def _strangers(setup: Setup, known: Names) -> Iterator[str]:
    for part, field, kind in _REFERENCES:
        for number, entry in enumerate(getattr(setup, part)):
            name = getattr(entry, field)
            if name is not None and name not in getattr(known, kind):
                yield f"{part}[{number}].{field}: {name!r} is unknown"
    yield from _foreign_series(setup, known)


def _foreign_series(setup: Setup, known: Names) -> Iterator[str]:
    for number, seller in enumerate(setup.sellers):
        for field in ("invoice_series", "credit_note_series"):
            series = getattr(seller, field)
            owner = known.series.get(series, seller.seller)
            if owner != seller.seller:
                yield f"sellers[{number}].{field}: {series} belongs to {owner!r}"
