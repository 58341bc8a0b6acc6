"""Units that come in by a file: each receipt once, many in a few statements."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run
from db.inbox import catalog
from db.inbox.catalog import Fault

Level = Mapping[str, Any]
# What one document holds; locks are taken for all of them before.
AT_ONCE: Final = 10_000
_NAMED: Final = """
    named AS (
        SELECT l.pool, n.location, n.sku
        FROM unnest(CAST(:locations AS text[]), CAST(:skus AS text[])) AS n(location, sku)
            JOIN locations l USING (location)
    )
"""
_GIVEN: Final = """
    given AS (
        SELECT g.*, l.pool
        FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS g(location text, sku text,
                on_hand bigint, safety_stock bigint, key text, twin text)
            JOIN locations l USING (location)
    )
"""
_MAKE_POOL_LEVELS: Final = f"""
WITH {_NAMED} INSERT INTO pool_levels (pool, sku)
SELECT DISTINCT pool, sku FROM named ORDER BY pool, sku ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of constants
_LOCK_POOLS: Final = f"""
WITH {_NAMED} SELECT 1 FROM pool_levels p
WHERE (p.pool, p.sku) IN (SELECT pool, sku FROM named) ORDER BY p.pool, p.sku FOR UPDATE OF p
"""  # noqa: S608
_MAKE_LOCATION_LEVELS: Final = f"""
WITH {_NAMED} INSERT INTO location_levels (location, sku)
SELECT location, sku FROM named ORDER BY sku, location ON CONFLICT DO NOTHING
"""  # noqa: S608
_LOCK_LOCATIONS: Final = f"""
WITH {_NAMED} SELECT 1 FROM location_levels v
WHERE (v.location, v.sku) IN (SELECT location, sku FROM named)
ORDER BY v.sku, v.location FOR UPDATE OF v
"""  # noqa: S608
# With both levels locked nobody else moves them: balances run on from what is read here.
_RECEIVE: Final = f"""
WITH {_GIVEN}, fresh AS MATERIALIZED (
    SELECT g.*, CAST(sum(g.on_hand) OVER (PARTITION BY g.pool, g.sku ORDER BY g.location) AS bigint)
        AS so_far
    FROM given g WHERE NOT EXISTS (SELECT 1 FROM stock_movements m WHERE m.key = g.key)
        AND NOT EXISTS (SELECT 1 FROM stock_movements m WHERE m.key = g.twin)
), in_pool AS (
    UPDATE pool_levels p SET on_hand = p.on_hand + f.units
    FROM (SELECT pool, sku, CAST(sum(on_hand) AS bigint) AS units FROM fresh GROUP BY pool, sku) f
    WHERE p.pool = f.pool AND p.sku = f.sku
), here AS (
    UPDATE location_levels v SET on_hand = v.on_hand + f.on_hand
    FROM fresh f WHERE v.location = f.location AND v.sku = f.sku
)
INSERT INTO stock_movements (key, kind, sku, pool, location, on_hand_change, pool_on_hand,
    pool_reserved, pool_open_demand, location_on_hand, location_reserved, cause)
SELECT f.key, 'receive', f.sku, f.pool, f.location, f.on_hand, p.on_hand + f.so_far, p.reserved,
    p.open_demand, v.on_hand + f.on_hand, v.reserved, :cause
FROM fresh f JOIN pool_levels p USING (pool, sku) JOIN location_levels v USING (location, sku)
ORDER BY f.pool, f.sku, f.location
RETURNING key
"""  # noqa: S608
_SAFETY: Final = f"""
WITH {_GIVEN} UPDATE pool_levels p SET safety_stock = g.safety_stock
FROM (SELECT DISTINCT ON (pool, sku) * FROM given ORDER BY pool, sku, location DESC) g
WHERE p.pool = g.pool AND p.sku = g.sku AND p.safety_stock <> g.safety_stock
"""  # noqa: S608


async def refusals(tx: AsyncConnection, levels: Sequence[Level]) -> list[Fault | None]:
    """Why each cannot be received; what was received before can: it changes nothing.

    Until the transaction's end no location closes, and nothing that is named is deleted.
    """
    await catalog.lock_shared(tx, catalog.LOCATIONS)
    named = sorted({each["location"] for each in levels})
    places = await catalog.known(tx, catalog.LOCATIONS, named)
    skus = await catalog.held(tx, "products", "sku", sorted({each["sku"] for each in levels}))
    closed = {code for code, place in places.items() if not place["active"]}
    before = await _received(tx, [each for each in levels if each["location"] in closed])
    found: list[Fault | None] = []
    for each in levels:
        why = None
        if each["location"] not in places:
            why = Fault("location", f"{each['location']!r} is unknown")
        elif each["sku"] not in skus:
            why = Fault("sku", f"{each['sku']!r} is unknown")
        elif each["location"] in closed and before.isdisjoint((each["key"], each["twin"])):
            why = Fault("location", f"{each['location']!r} is not active: it receives nothing")
        found.append(why)
    return found


async def _received(tx: AsyncConnection, levels: Sequence[Level]) -> set[str]:
    if not levels:
        return set()
    keys = [key for each in levels for key in (each["key"], each["twin"]) if key]
    statement = "SELECT key FROM stock_movements WHERE key = ANY(CAST(:keys AS text[]))"
    return {each.key for each in await rows(tx, statement, keys=keys)}


async def receive_many(
    tx: AsyncConnection, levels: Sequence[Level], cause: str = "import"
) -> set[str]:
    """Book receipts of known SKUs at known locations, no two of one SKU at one location.

    Returns the keys that were not booked before: these alone set safety stocks. Of several for
    one pool the one of the last location counts.
    """
    if not levels:
        return set()
    named = {name: [each[name] for each in levels] for name in ("location", "sku")}
    for statement in (_MAKE_POOL_LEVELS, _LOCK_POOLS, _MAKE_LOCATION_LEVELS, _LOCK_LOCATIONS):
        await run(tx, statement, locations=named["location"], skus=named["sku"])
    booked: set[str] = set()
    for part in _parts(levels):
        found = await rows(tx, _RECEIVE, items=json.dumps(part), cause=cause)
        fresh = {each.key for each in found}
        new = [each for each in part if each["key"] in fresh]
        if safe := [each for each in new if each.get("safety_stock") is not None]:
            await run(tx, _SAFETY, items=json.dumps(safe))
        booked |= fresh
    return booked


def _parts(levels: Sequence[Level]) -> Iterator[list[dict[str, Any]]]:
    given = sorted(levels, key=lambda each: (each["sku"], each["location"]))
    for start in range(0, len(given), AT_ONCE):
        yield [dict(each) for each in given[start : start + AT_ONCE]]
