"""Whether the catalogue knows what a placement names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.queries.stock import OFFERED


@dataclass(frozen=True)
class Known:
    """`currencies` is None when the channel is unknown.

    `takes_backorders`: the channel takes orders whose units are not all free. What was retired
    takes no new orders. `free`: units that the channel may sell now, if that was asked for.
    """

    currencies: tuple[str, ...] | None
    unknown_skus: tuple[str, ...]
    takes_backorders: bool
    channel_is_retired: bool = False
    retired_skus: tuple[str, ...] = ()
    free: Mapping[str, int] = field(default_factory=dict)


async def look_up(
    connection: AsyncConnection, channel: str, skus: Sequence[str], *, stock: bool = False
) -> Known:
    """One statement, whatever the number of lines; with `stock` it tells what is free."""
    found = await row(
        connection,
        f"""
        SELECT c.currencies, coalesce(c.on_out_of_stock = 'backorder', false) AS takes_backorders,
          coalesce(NOT c.active, false) AS is_retired,
          ARRAY(SELECT sku FROM products WHERE sku = ANY(CAST(:skus AS text[])) AND NOT active
            ORDER BY sku) AS retired_skus,
          ARRAY(
            SELECT wanted.sku FROM unnest(CAST(:skus AS text[])) AS wanted(sku)
            WHERE NOT EXISTS (SELECT 1 FROM products WHERE products.sku = wanted.sku)
            ORDER BY wanted.sku
          ) AS unknown_skus,
          CASE WHEN CAST(:stock AS boolean) THEN (
            SELECT jsonb_object_agg(sku, free) FROM ({OFFERED}) AS offered
          ) END AS free
        FROM (SELECT CAST(:channel AS text)) AS asked(channel) LEFT JOIN channels c USING (channel)
        """,  # noqa: S608 - a fragment of our own
        channel=channel,
        skus=sorted(set(skus)),
        stock=stock,
    )
    assert found is not None
    currencies = None if found.currencies is None else tuple(found.currencies)
    return Known(
        currencies,
        tuple(found.unknown_skus),
        found.takes_backorders,
        found.is_retired,
        tuple(found.retired_skus),
        found.free or {},
    )


@dataclass(frozen=True)
class Names:
    """What is set up, by its codes."""

    pools: frozenset[str]
    locations: frozenset[str]
    sellers: frozenset[str]
    skus: frozenset[str]
    # Whose each series of documents is.
    series: Mapping[str, str]
    channels: frozenset[str]


async def names(connection: AsyncConnection, skus: Sequence[str]) -> Names:
    """Every pool, location and seller, and those of `skus` that are products."""
    found = await row(
        connection,
        """
        SELECT ARRAY(SELECT pool FROM pools) AS pools,
          ARRAY(SELECT location FROM locations) AS locations,
          ARRAY(SELECT seller FROM sellers) AS sellers,
          (SELECT coalesce(jsonb_object_agg(series, seller), '{}') FROM (
            SELECT invoice_series, seller FROM sellers
            UNION SELECT credit_note_series, seller FROM sellers
            UNION SELECT series, seller FROM documents) AS used(series, seller)) AS series,
          ARRAY(SELECT channel FROM channels) AS channels,
          ARRAY(SELECT sku FROM products WHERE sku = ANY(CAST(:skus AS text[]))) AS skus
        """,
        skus=sorted(set(skus)),
    )
    assert found is not None
    return Names(
        pools=frozenset(found.pools),
        locations=frozenset(found.locations),
        sellers=frozenset(found.sellers),
        skus=frozenset(found.skus),
        series=found.series,
        channels=frozenset(found.channels),
    )
