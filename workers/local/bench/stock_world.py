"""What the stock benchmark runs on: goods in plenty, orders that want one of them each."""

import itertools
from collections.abc import Iterator
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import rows, run

SKUS: Final = 10_000
PLENTY: Final = 1_000_000
POOL: Final = "main"
# One unit of stock for so many buyers, where it is to run out.
BUYERS_A_UNIT: Final = 4

_GOODS = (
    "INSERT INTO pools VALUES ('main')",
    """
    INSERT INTO locations (location, pool, name, address)
    VALUES ('bench', 'main', 'Bench', '{"name": "Bench"}')
    """,
    """
    INSERT INTO channels (channel, name, kind, pool, currencies)
    VALUES ('bench', 'Bench', 'api', 'main', '{USD}')
    """,
    """
    INSERT INTO products (sku, name, weight_g, length_mm, width_mm, height_mm)
    SELECT 'sku-' || n, 'Product ' || n, 500, 200, 150, 50
    FROM generate_series(0, CAST(:skus AS bigint) + 1) AS n
    """,
    # The last is the one that runs out.
    """
    INSERT INTO pool_levels (pool, sku, on_hand)
    SELECT 'main', sku,
        CASE sku WHEN 'sku-' || (CAST(:skus AS bigint) + 1) THEN :few ELSE :plenty END
    FROM products
    """,
    """
    INSERT INTO location_levels (location, sku, on_hand)
    SELECT 'bench', sku, on_hand FROM pool_levels
    """,
    """
    INSERT INTO stock_movements (key, kind, sku, pool, location, on_hand_change, pool_on_hand,
        pool_reserved, pool_open_demand, location_on_hand, location_reserved, cause)
    SELECT 'bench:' || sku, 'receive', sku, 'main', 'bench', on_hand, on_hand, 0, 0, on_hand, 0,
        'opening stock'
    FROM pool_levels
    """,
    # The bare update has a table of its own, so that the ledger of the other stays true.
    "CREATE TABLE bare_levels (LIKE pool_levels INCLUDING ALL)",
    "INSERT INTO bare_levels SELECT * FROM pool_levels",
)
_ORDERS = (
    """
    INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
        customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
    SELECT 'bench-' || n, 'bench', n, 'USD', 'en', 1000, 'Ada Buyer', 'ada@example.com',
        '{"name": "Ada Buyer", "line1": "417 Montgomery St", "city": "San Francisco"}', now(),
        'reserve', now()
    FROM generate_series(CAST(:first AS bigint), :last) AS n
    """,
    """
    INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor)
    SELECT 'bench-' || (:first + n - 1), 1, sku, 1, 1000
    FROM unnest(CAST(:wanted AS text[])) WITH ORDINALITY AS w(sku, n)
    """,
)
HOT: Final = f"sku-{SKUS}"
SCARCE: Final = f"sku-{SKUS + 1}"


class World:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._numbers = itertools.count(1)

    async def stock(self, few: int) -> None:
        async with self.engine.begin() as tx:
            for statement in _GOODS:
                given = {"skus": SKUS, "few": few, "plenty": PLENTY}
                await run(tx, statement, **{n: v for n, v in given.items() if f":{n}" in statement})
        await self.tidy()

    async def order(self, wanted: list[str]) -> list[str]:
        """Place an order for one unit of each; return their ids."""
        first = next(self._numbers)
        last = first + len(wanted) - 1
        self._numbers = itertools.count(last + 1)
        async with self.engine.begin() as tx:
            await run(tx, _ORDERS[0], first=first, last=last)
            await run(tx, _ORDERS[1], first=first, wanted=wanted)
        return [f"bench-{number}" for number in range(first, last + 1)]

    async def tidy(self) -> None:
        """Statistics as they would be, and no checkpoint of ours in somebody's round."""
        async with self.engine.connect() as tx:
            await tx.execution_options(isolation_level="AUTOCOMMIT")
            await run(tx, "VACUUM ANALYZE")

    async def beyond_stock(self) -> int:
        """Units that are held and are not there, over both tables, by what was written down."""
        async with self.engine.connect() as tx:
            found = await rows(
                tx,
                """
                SELECT coalesce(sum(greatest(h.quantity - p.on_hand, 0)), 0)::bigint AS units
                FROM pool_levels p JOIN (
                    SELECT sku, sum(quantity) AS quantity FROM reservations GROUP BY sku
                ) h USING (sku)
                UNION ALL
                SELECT coalesce(sum(greatest(open_demand - on_hand, 0)), 0)::bigint
                FROM bare_levels
                """,
            )
        return sum(each.units for each in found)


def spread() -> Iterator[str]:
    """Every SKU in turn, neighbours far apart."""
    return (f"sku-{number * 7919 % SKUS}" for number in itertools.count())
