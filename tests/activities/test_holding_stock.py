"""Units are held, expired, given back and shipped exactly once, in whatever order it happens."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from activities.reserving import Reserved
from tests.activities.shop import HOUR_S, Shop, at_once

SEED = 20_261_122


async def attempts(shop: Shop, order_id: str) -> list[tuple[int, str]]:
    found = await shop.rows(
        "SELECT attempt, state FROM reservations WHERE order_id = :o ORDER BY 1", o=order_id
    )
    return [(hold.attempt, hold.state) for hold in found]


async def test_an_order_holds_its_units_once(shop: Shop) -> None:
    sku = await shop.sku(east=10)
    order_id = await shop.admitted((sku, 2), (sku, 1))
    answers = await at_once(8, lambda _: shop.reserve(order_id))
    assert answers == [Reserved()] * 8
    assert await shop.level(sku) == (10, 0, 3)
    assert (await shop.story(order_id)).count("StockReserved") == 1


async def test_what_is_short_is_named_and_nothing_is_written(shop: Shop) -> None:
    much, little = await shop.sku(east=9), await shop.sku(east=1)
    order_id = await shop.admitted((much, 1), (little, 2))
    assert await shop.reserve(order_id) == Reserved((little,))
    assert await shop.level(much) == (9, 0, 0)
    assert await attempts(shop, order_id) == []
    assert "StockReserved" not in await shop.story(order_id)


async def test_an_expired_hold_is_given_back_once_and_made_once_more(shop: Shop) -> None:
    sku = await shop.sku(east=3)
    order_id = await shop.admitted((sku, 3))
    await shop.reserve(order_id, expires_s=-1.0)
    await at_once(4, lambda _: shop.holding.expire_reservations())
    assert await shop.level(sku) == (3, 0, 0)
    assert (await shop.story(order_id)).count("ReservationExpired") == 1
    await shop.reserve(order_id)
    assert await attempts(shop, order_id) == [(1, "expired"), (2, "held")]
    assert await shop.holding.expire_reservations() == 0
    assert await shop.level(sku) == (3, 0, 3)


async def test_a_hold_released_is_given_back_once(shop: Shop) -> None:
    sku = await shop.sku(east=3)
    order_id = await shop.admitted((sku, 2))
    await shop.reserve(order_id)
    await at_once(5, lambda _: shop.holding.release_stock(order_id))
    assert await shop.level(sku) == (3, 0, 0)
    assert (await shop.story(order_id)).count("StockReleased") == 1


async def test_expiry_release_and_routing_at_once_end_a_hold_once(shop: Shop) -> None:
    for _ in range(6):
        sku = await shop.sku(east=2)
        order_id = await shop.admitted((sku, 2))
        await shop.reserve(order_id, expires_s=-1.0)
        acts = (
            shop.holding.expire_reservations,
            lambda o=order_id: shop.holding.release_stock(o),
            lambda o=order_id: shop.route(o),
        )
        answers = await at_once(6, lambda number, acts=acts: acts[number % 3]())
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        await shop.holding.release_stock(order_id)
        assert await shop.level(sku) == (2, 0, 0)


async def test_a_channels_buffer_and_safety_stock_are_not_sold(shop: Shop) -> None:
    sku = await shop.sku(east=10)
    await shop.change("UPDATE pool_levels SET safety_stock = 4 WHERE sku = :s", s=sku)
    await shop.change("UPDATE channels SET buffer = 3 WHERE channel = 'mall'")
    sold_out = await shop.admitted((sku, 4), channel="mall")
    assert (await shop.reserve(sold_out)).short == (sku,)
    for order in ({"channel": "mall"}, {"channel": "shop"}):
        assert (await shop.reserve(await shop.admitted((sku, 3), **order))).short == ()
    assert (await shop.reserve(await shop.admitted((sku, 1)))).short == (sku,)
    await shop.change("UPDATE channels SET buffer = 0 WHERE channel = 'mall'")


async def give_up(shop: Shop, order_id: str) -> None:
    await shop.holding.release_stock(order_id)


async def cancel(shop: Shop, order_id: str) -> None:
    for part in (await shop.route(order_id)).plan:
        await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)


async def ship(shop: Shop, order_id: str) -> None:
    for part in (await shop.route(order_id)).plan:
        for tender_no in part.unauthorized:
            await shop.take(order_id, tender_no, fulfillment_number=part.number)
        await shop.shipped(part)


async def test_many_orders_over_shared_goods_end_in_every_way_without_a_deadlock(
    shop: Shop,
) -> None:
    """Each order wants the goods in an order of its own and ends as the dice say."""
    dice = random.Random(SEED)
    goods = [await shop.sku(east=40, west=40) for _ in range(4)]
    left = dict.fromkeys(goods, 80)
    finished, gate = asyncio.Event(), asyncio.Semaphore(24)

    async def live(end: Callable[[Shop, str], Awaitable[None]], expires_s: float) -> None:
        wanted = {sku: dice.randint(1, 3) for sku in dice.sample(goods, dice.randint(1, 4))}
        async with gate:
            order_id = await shop.admitted(*wanted.items())
            assert (await shop.reserve(order_id, expires_s)).short == ()
            await shop.take(order_id)
            await end(shop, order_id)
        if end is ship:
            left.update({sku: left[sku] - units for sku, units in wanted.items()})

    async def sweep() -> None:
        while not finished.is_set():
            await shop.holding.expire_reservations()
            await asyncio.sleep(0.02)

    sweeper = asyncio.create_task(sweep())
    ways = [(give_up, -1.0), (give_up, HOUR_S), (cancel, HOUR_S), (ship, HOUR_S)] * 12
    await asyncio.gather(*(live(*way) for way in ways))
    finished.set()
    await sweeper
    assert [await shop.level(sku) for sku in goods] == [(left[sku], 0, 0) for sku in goods]
