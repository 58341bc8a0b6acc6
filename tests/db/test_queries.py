"""Read queries against rows written as the stores write them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries import (
    catalog,
    change_facts,
    exceptions,
    fulfillments,
    order_detail,
    orders,
    received,
    returns,
    stock,
)
from db.queries.order_filter import After, OrderFilter

PLACED = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture
async def shop(fresh_engine: AsyncEngine) -> AsyncEngine:
    """A channel with one pool, one SKU, and forty orders placed at the same moment."""
    async with fresh_engine.begin() as tx:
        for statement in (
            "INSERT INTO pools VALUES ('main')",
            "INSERT INTO channels VALUES ('shop', 'Shop', 'api', 'main', '{USD}', 3)",
            "INSERT INTO channels VALUES ('other', 'Other', 'api', 'main', '{USD}', 0)",
            "INSERT INTO products VALUES ('A-1', 'Lamp', 1, 1, 1, 1)",
            "INSERT INTO pool_levels VALUES ('main', 'A-1', 10, 2, 3, 1)",
            """
            INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
              customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
            SELECT 'shop-' || n, 'shop', n, 'USD', 'en', 100, 'A', 'a@b', '{}',
              '2026-11-22T10:00:00Z', 'reserve', '2026-11-23T10:00:00Z'
            FROM generate_series(1, 40) AS n
            """,
        ):
            await tx.execute(sa.text(statement))
    return fresh_engine


async def _ids(engine: AsyncEngine, wanted: OrderFilter, **page: Any) -> list[str]:
    given = {"after": None, "limit": 100} | page
    async with engine.connect() as tx:
        found = await orders.list_orders(tx, wanted, **given)
    return [item.order_id for item in found.orders]


async def test_orders_of_the_same_moment_are_paged_by_their_id(shop: AsyncEngine) -> None:
    found: list[str] = []
    after = None
    while page := await _ids(shop, OrderFilter(), after=after, limit=7):
        found += page
        after = After(PLACED, page[-1])
    assert len(found) == len(set(found)) == 40
    assert found == sorted(found, reverse=True)


async def test_an_order_without_parts_is_unpaid_and_unfulfilled(shop: AsyncEngine) -> None:
    async with shop.connect() as tx:
        item = (await orders.list_orders(tx, OrderFilter(), after=None, limit=1)).orders[0]
        detail = await order_detail.order_detail(tx, item.order_id)
    assert (item.axes.payment, item.axes.fulfillment) == ("unpaid", "unfulfilled")
    assert item.next is not None
    assert (item.next.of, item.next.step) == (item.order_id, "reserve")
    assert detail is not None
    assert detail["axes"] == item.axes
    assert detail["lines"] == detail["shipments"] == detail["events"] == []


async def test_filters_combine(shop: AsyncEngine) -> None:
    assert await _ids(shop, OrderFilter(channel="other")) == []
    assert await _ids(shop, OrderFilter(status="closed")) == []
    assert await _ids(shop, OrderFilter(status="needs_person")) == []
    assert len(await _ids(shop, OrderFilter(status="open", channel="shop"))) == 40
    assert await _ids(shop, OrderFilter(placed_to=PLACED)) == []
    assert len(await _ids(shop, OrderFilter(placed_from=PLACED))) == 40


async def test_the_number_to_sell_is_never_below_zero(shop: AsyncEngine) -> None:
    async with shop.begin() as tx:
        shown = (await stock.available_to_sell(tx, "shop", ["A-1"]))[0]
        assert shown.available_to_sell == 10 - 2 - 3 - 1 - 3
        await tx.execute(sa.text("UPDATE pool_levels SET safety_stock = 50"))
        floored = (await stock.available_to_sell(tx, "shop", ["A-1"]))[0]
    assert (floored.available_to_sell, floored.safety_stock) == (0, 50)


async def test_the_catalogue_says_what_it_does_not_know(shop: AsyncEngine) -> None:
    async with shop.connect() as tx:
        known = await catalog.look_up(tx, "shop", ["A-1", "X", "B", "X"])
        nobody = await catalog.look_up(tx, "nowhere", [])
        stocked = await catalog.look_up(tx, "shop", ["A-1", "X"], stock=True)
        await tx.execute(sa.text("UPDATE channels SET on_out_of_stock = 'backorder'"))
        waiting = await catalog.look_up(tx, "other", [])
    assert known == catalog.Known(("USD",), ("B", "X"), takes_backorders=False)
    assert nobody == catalog.Known(None, (), takes_backorders=False)
    assert waiting.takes_backorders
    assert stocked.free == {"A-1": 10 - 2 - 3 - 1 - 3}


async def test_what_was_retired_is_not_sold_anew(shop: AsyncEngine) -> None:
    async with shop.connect() as tx:
        assert await change_facts.free_in_pool(tx, "shop-1", ["A-1", "X"]) == {"A-1": 5}
        assert await returns.sold_skus(tx, ["A-1", "X"]) == {"A-1"}
        await tx.execute(sa.text("UPDATE products SET active = false"))
        assert await change_facts.free_in_pool(tx, "shop-1", ["A-1"]) == {}
        assert await returns.sold_skus(tx, ["A-1"]) == set()
        assert await returns.known_skus(tx, ["A-1"]) == {"A-1"}


async def test_what_is_not_there_is_none(shop: AsyncEngine) -> None:
    async with shop.connect() as tx:
        assert await order_detail.order_detail(tx, "shop-nobody") is None
        assert await fulfillments.get_fulfillment(tx, "x") is None
        assert await fulfillments.find_run(tx, "x") is None
        assert await exceptions.get_exception(tx, "x") is None
        assert await received.received_order(tx, "shop", "nobody") is None
        assert await received.placement_end(tx, "shop", "nobody") is None
        assert await stock.find_product(tx, "x") is None
