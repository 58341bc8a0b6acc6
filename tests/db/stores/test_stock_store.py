"""Stock is exact to the last unit, however many writers meet."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine, row, rows, run
from db.inbox import receiving
from db.inbox.receiving import receive_many
from db.queries.audit import violations
from db.queries.audit_stock import RULES
from db.stores import reservations, stock
from db.stores.reservations import Hold
from domain.reserving import Granted, Wish

ADDRESS = '{"name": "l"}'


@pytest.fixture
async def shop(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(fresh_database_url, pool_size=40)
    async with engine.begin() as tx:
        await run(tx, "INSERT INTO pools VALUES ('main')")
        for place in ("l1", "l2"):
            await run(
                tx,
                "INSERT INTO locations (location, pool, name, address) "
                "VALUES (:place, 'main', :place, CAST(:address AS jsonb))",
                place=place,
                address=ADDRESS,
            )
        await run(
            tx,
            "INSERT INTO channels (channel, name, kind, pool, currencies) "
            "VALUES ('shop', 'Shop', 'api', 'main', '{USD}')",
        )
    yield engine
    await engine.dispose()


async def product(engine: AsyncEngine, sku: str, units: int, place: str = "l1") -> None:
    async with engine.begin() as tx:
        await run(
            tx,
            "INSERT INTO products VALUES (:sku, :sku, 1, 1, 1, 1) ON CONFLICT DO NOTHING",
            sku=sku,
        )
        level = {"location": place, "sku": sku, "on_hand": units, "key": f"in:{sku}:{place}"}
        await receive_many(tx, [level])


PER_TRANSACTION = 8  # 2,000 commits one after another would only measure the disk
ORDERS = """
INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
    customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
SELECT 'shop-many-' || n, 'shop', 'many-' || n, 'USD', 'en', 1, 'n', 'e@example.com', '{}', now(),
    's', now() FROM generate_series(0, :count - 1) AS n
"""


async def order(tx: Any) -> str:
    order_id = f"shop-{secrets.token_hex(8)}"
    await run(
        tx,
        """
        INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
            customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
        VALUES (:o, 'shop', :o, 'USD', 'en', 1, 'n', 'e@example.com', '{}', now(), 's', now())
        """,
        o=order_id,
    )
    return order_id


def hold(order_id: str, demand: dict[str, int], buffer: int = 0) -> Hold:
    return Hold(order_id, attempt=1, expires_s=60, wish=Wish("main", buffer, demand))


async def buy(engine: AsyncEngine, demand: dict[str, int], buffer: int = 0) -> tuple[str, ...]:
    async with engine.begin() as tx:
        (answer,) = await reservations.reserve(tx, [hold(await order(tx), demand, buffer)])
    return answer.short


async def assert_clean(engine: AsyncEngine) -> None:
    async with engine.connect() as tx:
        for rule in RULES:
            assert await violations(tx, rule) == [], rule


async def test_one_unit_and_two_hundred_buyers_is_one_sale(shop: AsyncEngine) -> None:
    await product(shop, "hot", 1)
    barrier = asyncio.Barrier(200)

    async def buyer() -> tuple[str, ...]:
        await barrier.wait()
        return await buy(shop, {"hot": 1})

    answers = await asyncio.gather(*(buyer() for _ in range(200)))
    assert sorted(answers) == [()] + [("hot",)] * 199
    async with shop.connect() as tx:
        level = await row(tx, "SELECT * FROM pool_levels WHERE sku = 'hot'")
        held = await rows(tx, "SELECT * FROM reservations")
    assert level is not None
    assert (level.on_hand, level.open_demand, len(held)) == (1, 1, 1)
    await assert_clean(shop)


async def test_a_hot_sku_sells_to_the_last_unit_and_not_one_more(shop: AsyncEngine) -> None:
    """Two thousand small holds by sixteen writers; one unit too few for the last of them."""
    await product(shop, "hot", 3_961)
    async with shop.begin() as tx:
        await run(tx, ORDERS, count=2_000)
    waiting = [f"shop-many-{number}" for number in range(2_000)]

    async def buyer() -> int:
        sold = 0
        while mine := [waiting.pop() for _ in waiting[:PER_TRANSACTION]]:
            async with shop.begin() as tx:
                asked = [hold(order_id, {"hot": 2}) for order_id in mine]
                sold += (await reservations.reserve(tx, asked)).count(Granted({"hot": 2}))
        return sold

    assert sum(await asyncio.gather(*(buyer() for _ in range(16)))) == 1_980
    async with shop.connect() as tx:
        level = await row(tx, "SELECT * FROM pool_levels WHERE sku = 'hot'")
    assert level is not None
    assert (level.on_hand, level.open_demand) == (3_961, 3_960)
    await assert_clean(shop)


async def test_all_lines_are_held_or_none(shop: AsyncEngine) -> None:
    await product(shop, "much", 10)
    await product(shop, "little", 1)
    assert await buy(shop, {"much": 1, "little": 2, "absent": 1}) == ("little", "absent")
    async with shop.connect() as tx:
        held = await rows(tx, "SELECT * FROM reservations")
        moved = await rows(tx, "SELECT * FROM stock_movements WHERE kind = 'reserve'")
    assert (list(held), list(moved)) == ([], [])


async def test_safety_stock_and_channel_buffer_are_left_alone(shop: AsyncEngine) -> None:
    await product(shop, "safe", 10)
    async with shop.begin() as tx:
        await run(tx, "UPDATE pool_levels SET safety_stock = 3 WHERE sku = 'safe'")
    assert await buy(shop, {"safe": 6}, buffer=2) == ("safe",)
    assert await buy(shop, {"safe": 5}, buffer=2) == ()
    assert await buy(shop, {"safe": 1}, buffer=2) == ("safe",)


async def test_orders_that_want_the_same_goods_in_opposite_order_do_not_deadlock(
    shop: AsyncEngine,
) -> None:
    names = [f"s{number}" for number in range(6)]
    for name in names:
        await product(shop, name, 1000)

    async def buy_and_release(number: int) -> None:
        demand = dict.fromkeys(names if number % 2 else reversed(names), 1)
        async with shop.begin() as tx:
            order_id = await order(tx)
            (answer,) = await reservations.reserve(tx, [hold(order_id, demand)])
        assert answer.short == ()
        async with shop.begin() as tx:
            assert await stock.end_reservation(tx, order_id, "released") == len(names)

    await asyncio.gather(*(buy_and_release(number) for number in range(80)))
    await assert_clean(shop)


async def test_a_hold_is_given_back_once(shop: AsyncEngine) -> None:
    await product(shop, "once", 5)
    async with shop.begin() as tx:
        order_id = await order(tx)
        await reservations.reserve(tx, [hold(order_id, {"once": 5})])

    async def give_back() -> int:
        async with shop.begin() as tx:
            return await stock.end_reservation(tx, order_id, "released")

    assert sorted(await asyncio.gather(*(give_back() for _ in range(8)))) == [0] * 7 + [5]
    await assert_clean(shop)


async def test_the_same_receipt_is_booked_once(shop: AsyncEngine) -> None:
    await product(shop, "twice", 5)
    await product(shop, "twice", 5)
    async with shop.connect() as tx:
        level = await row(tx, "SELECT on_hand FROM pool_levels WHERE sku = 'twice'")
    assert level is not None
    assert level.on_hand == 5


async def test_receipts_take_locks_by_pool_and_then_sku(shop: AsyncEngine) -> None:
    async with shop.begin() as tx:
        await run(tx, "INSERT INTO pools VALUES ('next')")
        await run(
            tx,
            "INSERT INTO locations (location, pool, name, address) "
            "VALUES ('n1', 'next', 'n1', CAST(:address AS jsonb))",
            address=ADDRESS,
        )
    await product(shop, "z", 1, "l1")
    await product(shop, "a", 1, "n1")
    first = "SELECT 1 FROM pool_levels WHERE pool = 'main' AND sku = 'z' FOR UPDATE"
    other = "SELECT 1 FROM pool_levels WHERE pool = 'next' AND sku = 'a' FOR UPDATE NOWAIT"
    levels = [
        {"location": place, "sku": sku, "on_hand": 1, "key": f"more:{sku}"}
        for place, sku in (("n1", "a"), ("l1", "z"))
    ]

    async def receive() -> set[str]:
        async with shop.begin() as tx:
            return await receive_many(tx, levels)

    async with shop.connect() as tx:
        await run(tx, first)
        received = asyncio.create_task(receive())
        await somebody_waits(shop)
        await run(tx, other)
        await tx.rollback()
    assert await received == {"more:a", "more:z"}
    await assert_clean(shop)


async def somebody_waits(engine: AsyncEngine) -> None:
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20):
        while True:
            async with engine.connect() as tx:
                if await rows(tx, waiting):
                    return
            await asyncio.sleep(0.01)


async def test_a_receipt_of_many_is_booked_in_parts(
    shop: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "AT_ONCE", 3)
    skus = [f"p{number}" for number in range(4)]
    for sku in skus:
        await product(shop, sku, 1)
    levels = [
        {"location": place, "sku": sku, "on_hand": 2, "safety_stock": 1, "key": f"{place}:{sku}"}
        for place in ("l2", "l1")
        for sku in skus
    ]
    for booked in (8, 0):
        async with shop.begin() as tx:
            assert len(await receive_many(tx, levels, "import imp_1")) == booked
    async with shop.connect() as tx:
        found = await rows(tx, "SELECT on_hand, safety_stock FROM pool_levels ORDER BY sku")
    assert [tuple(each) for each in found] == [(5, 1)] * 4
    await assert_clean(shop)


async def test_only_what_was_received_now_sets_the_safety_stock(shop: AsyncEngine) -> None:
    await product(shop, "safe", 1)
    old = {"location": "l1", "sku": "safe", "on_hand": 1, "safety_stock": 5, "key": "old"}
    new = {**old, "safety_stock": 2, "key": "new"}
    for level in (old, new, old):
        async with shop.begin() as tx:
            await receive_many(tx, [level])
    async with shop.connect() as tx:
        level = await row(tx, "SELECT safety_stock FROM pool_levels WHERE sku = 'safe'")
    assert level is not None
    assert level.safety_stock == 2
