"""Locks go one way: the order's row, its parts, their labels, then stock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from activities.fulfillment import HandOver
from activities.routing import Planned
from db.engine import run
from db.stores import parts
from tests.activities.lock_order import note, tables_locked
from tests.activities.shop import HOUR_S, Shop, order_of

ORDER = "SELECT 1 FROM orders WHERE order_id = :id FOR UPDATE"
PART = "SELECT 1 FROM fulfillments WHERE fulfillment_id = :id FOR UPDATE"


def test_a_statement_names_the_tables_it_locks() -> None:
    assert tables_locked("SELECT 1 FROM orders o JOIN channels c ON true FOR UPDATE OF o") == [
        "orders"
    ]
    assert tables_locked("WITH b AS (UPDATE orders SET x = 1) SELECT 1 FROM labels") == ["orders"]
    assert tables_locked("SELECT 1 FROM fulfillments WHERE order_id = :o") == []
    joined = "SELECT 1 FROM labels l JOIN orders o ON true JOIN channels c ON true"
    assert tables_locked(f"{joined} FOR UPDATE OF l, o") == ["labels", "orders"]


def test_the_recorder_sees_a_part_that_is_locked_before_its_order() -> None:
    held: list[str] = []
    assert note(held, "SELECT 1 FROM fulfillments FOR UPDATE") == []
    (wrong,) = note(held, "UPDATE orders SET version = version + 1")
    assert wrong.startswith("orders after fulfillments")
    assert note(held, "SELECT 1 FROM pool_levels FOR UPDATE") == []


async def test_reports_of_one_part_and_news_about_its_order_never_wait_in_a_circle(
    shop: Shop,
) -> None:
    """Each takes the order's row first, so that a divided part meets none that holds half of it."""
    for _ in range(8):
        sku = await shop.sku(west=2, east=2)
        (part,) = await shop.routed((sku, 2))
        order_id = part.fulfillment_id.rpartition("-f")[0]
        answers = await asyncio.gather(
            shop.advance(part.fulfillment_id, "picked", "packed"),
            shop.lacks(part, "damaged", (1, 1)),
            shop.fulfillment.begin_hand_over(HandOver(part.fulfillment_id, HOUR_S)),
            shop.fulfillment.request_cancellation(order_id),
            shop.holding.release_stock(order_id),
            return_exceptions=True,
        )
        assert [answer for answer in answers if isinstance(answer, Exception)] == []


@asynccontextmanager
async def a_part_being_locked(
    shop: Shop, part: Planned, first: str, **values: Any
) -> AsyncIterator[asyncio.Task[Any]]:
    """Yield while `parts.locked` waits for what `first` locks or changes; it is committed then."""

    async def lock() -> Any:
        async with shop.engine.begin() as tx:
            return await parts.locked(tx, part.fulfillment_id)

    async with shop.engine.begin() as tx:
        await run(tx, first, **values)
        locking = asyncio.create_task(lock())
        await somebody_waits(shop)
        yield locking


async def somebody_waits(shop: Shop) -> None:
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20):
        while True:
            if await shop.rows(waiting):
                return
            await asyncio.sleep(0.01)


async def test_a_part_is_locked_after_its_order(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(west=1), 1))
    order_id, part_id = order_of(part), part.fulfillment_id
    async with a_part_being_locked(shop, part, ORDER, id=order_id) as locking:
        await shop.change(f"{PART} NOWAIT", id=part_id)
    await locking
    async with a_part_being_locked(shop, part, PART, id=part_id) as locking:
        with pytest.raises(OperationalError, match="could not obtain lock"):
            await shop.change(f"{ORDER} NOWAIT", id=order_id)
    await locking


async def test_a_part_that_moved_while_it_was_waited_for_is_where_it_moved_to(shop: Shop) -> None:
    """Its location is joined: the one from before must not hide it, nor be taken for its own."""
    (part,) = await shop.routed((await shop.sku(west=1), 1))
    move = """
        WITH first AS (UPDATE orders SET priority = priority WHERE order_id = :o)
        UPDATE fulfillments SET location = :to, next_step = 'moved' WHERE fulfillment_id = :id
    """
    about = {"o": order_of(part), "id": part.fulfillment_id}
    async with a_part_being_locked(shop, part, move, to="east", **about) as locking:
        pass
    found = await locking
    assert (found.location, found.next_step, found.pool) == ("east", "moved", "main")
    await shop.change(move, to="west", **about)
