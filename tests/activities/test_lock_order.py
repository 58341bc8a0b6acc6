"""Locks go one way: the order's row, its parts, their labels, then stock."""

import asyncio

from activities.fulfillment import HandOver
from tests.activities.lock_order import note, tables_locked
from tests.activities.shop import HOUR_S, Shop


def test_a_statement_names_the_tables_it_locks() -> None:
    assert tables_locked("SELECT 1 FROM orders o JOIN channels c ON true FOR UPDATE OF o") == [
        "orders"
    ]
    assert tables_locked("WITH b AS (UPDATE orders SET x = 1) SELECT 1 FROM labels") == ["orders"]
    assert tables_locked("SELECT 1 FROM fulfillments WHERE order_id = :o") == []


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
