"""Stock levels by pool and location, and the number that may be sold with its explanation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

_LOCATIONS: Final = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object('location', v.location, 'on_hand', v.on_hand,
        'reserved', v.reserved) ORDER BY v.location), '[]')
      FROM location_levels v JOIN locations USING (location)
      WHERE v.sku = p.sku AND locations.pool = p.pool) AS locations
"""


@dataclass(frozen=True)
class After:
    sku: str
    pool: str


@dataclass(frozen=True)
class AvailableToSell:
    """Each subtracted term with the number: ATS = on hand less all others, floored at zero."""

    sku: str
    on_hand: int
    reserved: int
    open_demand: int
    safety_stock: int
    channel_buffer: int
    waiting: int  # units of orders that wait for stock
    available_to_sell: int


async def list_levels(
    connection: AsyncConnection,
    sku: str | None,
    pool: str | None,
    *,
    after: After | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Levels of each SKU in each pool, with the pool's locations."""
    conditions = ["true"]
    if sku is not None:
        conditions.append("l.sku = :sku")
    if pool is not None:
        conditions.append("l.pool = :pool")
    if after is not None:
        conditions.append("(l.sku, l.pool) > (:after_sku, :after_pool)")
    found = await rows(
        connection,
        f"""
        WITH page AS MATERIALIZED (
          SELECT l.* FROM pool_levels l WHERE {" AND ".join(conditions)}
          ORDER BY l.sku, l.pool LIMIT :limit
        )
        SELECT p.sku, p.pool, p.on_hand, p.reserved, p.open_demand, p.safety_stock, {_LOCATIONS}
        FROM page p ORDER BY p.sku, p.pool
        """,  # noqa: S608 - fragments of this file
        sku=sku,
        pool=pool,
        after_sku=after and after.sku,
        after_pool=after and after.pool,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def find_product(connection: AsyncConnection, sku: str) -> dict[str, Any] | None:
    found = await row(connection, "SELECT * FROM products WHERE sku = :sku", sku=sku)
    return None if found is None else found._asdict()


# What of the articles `:skus` the channel `:channel` may sell: `offered.free`, and each term of it.
OFFERED: Final = """
    SELECT s.sku, s.place, coalesce(l.on_hand, 0) AS on_hand, coalesce(l.reserved, 0) AS reserved,
      coalesce(l.open_demand, 0) AS open_demand, coalesce(l.safety_stock, 0) AS safety_stock,
      c.buffer, w.waiting,
      greatest(0, coalesce(l.on_hand - l.reserved - l.open_demand - l.safety_stock, 0)
        - c.buffer - w.waiting) AS free
    FROM unnest(CAST(:skus AS text[])) WITH ORDINALITY AS s(sku, place)
    JOIN products p ON p.sku = s.sku
    JOIN channels c ON c.channel = :channel
    LEFT JOIN pool_levels l ON l.sku = s.sku AND l.pool = c.pool
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(u.quantity), 0)::bigint AS waiting
      FROM fulfillments f JOIN fulfillment_lines u USING (fulfillment_id)
        JOIN locations g ON g.location = f.location AND g.pool = c.pool
      WHERE f.state = 'backordered' AND NOT f.cancel_requested AND u.sku = s.sku) w
"""


async def available_to_sell(
    connection: AsyncConnection, channel: str, skus: Sequence[str]
) -> list[AvailableToSell]:
    """In the order of `skus`; a SKU without stock in the channel's pool has zeros.

    Unknown SKUs are left out: ask `db.queries.catalog` first.
    """
    found = await rows(
        connection,
        f"""
        SELECT sku, on_hand, reserved, open_demand, safety_stock, buffer, waiting, free
        FROM ({OFFERED}) AS offered ORDER BY place
        """,  # noqa: S608 - fragments of this file
        channel=channel,
        skus=list(skus),
    )
    return [AvailableToSell(*each) for each in found]
