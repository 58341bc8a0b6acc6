"""Imports a set-up: pools, locations, channels, products, stock, store credit; repeatable."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.setting_up import book_stock, upsert_catalog
from db.inbox import audit
from db.inbox.audit import Change
from db.inbox.content import content_sha256
from workers.errors import UserError

PARTS = ("pools", "locations", "channels", "products", "stock", "store_credits")


@dataclass(frozen=True)
class Origin:
    """Who imports, and why."""

    actor: str
    reason: str | None = None


async def import_setup(
    engine: AsyncEngine, setup: Mapping[str, Any], origin: Origin
) -> dict[str, int]:
    """Write the set-up in one transaction; a second time, only what is new.

    Raises: UserError naming what cannot be used.
    """
    unknown = set(setup) - set(PARTS)
    if unknown:
        raise UserError(f"unknown parts in the set-up: {', '.join(sorted(unknown))}")
    async with engine.begin() as tx:
        await _write(tx, setup)
        counts = {part: len(setup.get(part, [])) for part in PARTS}
        change = Change(after=counts, reason=origin.reason)
        await audit.record(tx, origin.actor, "SetUpImported", content_sha256(setup), change)
    return counts


async def _write(tx: AsyncConnection, setup: Mapping[str, Any]) -> None:
    try:
        await upsert_catalog(tx, setup)
        for level in setup.get("stock", []):
            named = f"{level['location']}:{level['sku']}"
            content = hashlib.sha256(json.dumps(level, sort_keys=True).encode()).hexdigest()[:12]
            await book_stock(tx, level, f"import:{named}:{content}")
    except (KeyError, TypeError) as fault:
        raise UserError(f"the set-up lacks {fault}") from None
