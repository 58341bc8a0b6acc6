"""Units that come in by a file: each receipt once, many in a few statements."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run

_GIVEN: Final = """
    given AS (
        SELECT g.*, l.pool
        FROM jsonb_to_recordset(CAST(:items AS jsonb))
                AS g(location text, sku text, on_hand bigint, safety_stock bigint, key text)
            JOIN locations l USING (location)
    )
"""
_MAKE_POOL_LEVELS: Final = f"""
WITH {_GIVEN} INSERT INTO pool_levels (pool, sku)
SELECT DISTINCT pool, sku FROM given ORDER BY sku, pool ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of constants
_LOCK_POOLS: Final = f"""
WITH {_GIVEN} SELECT 1 FROM pool_levels p
WHERE (p.pool, p.sku) IN (SELECT pool, sku FROM given) ORDER BY p.sku, p.pool FOR UPDATE OF p
"""  # noqa: S608
_MAKE_LOCATION_LEVELS: Final = f"""
WITH {_GIVEN} INSERT INTO location_levels (location, sku)
SELECT location, sku FROM given ORDER BY sku, location ON CONFLICT DO NOTHING
"""  # noqa: S608
_LOCK_LOCATIONS: Final = f"""
WITH {_GIVEN} SELECT 1 FROM location_levels v
WHERE (v.location, v.sku) IN (SELECT location, sku FROM given)
ORDER BY v.sku, v.location FOR UPDATE OF v
"""  # noqa: S608
# With both levels locked nobody else moves them: balances run on from what is read here.
_RECEIVE: Final = f"""
WITH {_GIVEN}, fresh AS MATERIALIZED (
    SELECT g.*, CAST(sum(g.on_hand) OVER (PARTITION BY g.pool, g.sku ORDER BY g.location) AS bigint)
        AS so_far
    FROM given g WHERE NOT EXISTS (SELECT 1 FROM stock_movements m WHERE m.key = g.key)
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
    p.open_demand, v.on_hand + f.on_hand, v.reserved, 'import'
FROM fresh f JOIN pool_levels p USING (pool, sku) JOIN location_levels v USING (location, sku)
RETURNING key
"""  # noqa: S608
_SAFETY: Final = f"""
WITH {_GIVEN} UPDATE pool_levels p SET safety_stock = g.safety_stock
FROM (SELECT DISTINCT ON (pool, sku) * FROM given WHERE safety_stock IS NOT NULL
    ORDER BY pool, sku, location DESC) g
WHERE p.pool = g.pool AND p.sku = g.sku AND p.safety_stock <> g.safety_stock
"""  # noqa: S608


async def receive_many(tx: AsyncConnection, levels: Sequence[Mapping[str, Any]]) -> set[str]:
    """Book receipts of known SKUs at known locations, no two of one SKU at one location.

    Returns the keys that were not booked before. Of several safety stocks for one pool the one
    of the last location counts.
    """
    if not levels:
        return set()
    items = json.dumps([dict(level) for level in levels])
    for statement in (_MAKE_POOL_LEVELS, _LOCK_POOLS, _MAKE_LOCATION_LEVELS, _LOCK_LOCATIONS):
        await run(tx, statement, items=items)
    booked = await rows(tx, _RECEIVE, items=items)
    await run(tx, _SAFETY, items=items)
    return {each.key for each in booked}
