"""In a batch a reservation is what it is alone: nobody's trouble, loss or patience is another's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.reserving import MOST_TOGETHER, Reservations, Reserve, Reserved
from activities.setting_up import upsert_catalog
from db.engine import make_engine, row, run
from tests.activities.shop import HOUR_S, SETUP, Shop
from tests.activities.test_store_counter import STORE, TO_CORNER

HANGS_S = 60  # who had to wait for somebody else's lock would wait for ever
NEVER_S = 1e300  # no timestamp is that late: PostgreSQL refuses it


class Together:
    """Asks for several orders in one batch, and knows how large the batches were."""

    def __init__(self, shop: Shop) -> None:
        self.sizes: list[int] = []
        self.reservations = Reservations(shop.engine, self.sizes.append)

    def ask(self, order_id: str, expires_s: float = HOUR_S) -> asyncio.Task[Reserved]:
        asked = Reserve(order_id, expires_s, HOUR_S)
        return asyncio.create_task(self.reservations.make(asked))

    async def reserve(self, *order_ids: str) -> list[Any]:
        asked = [self.ask(order_id) for order_id in order_ids]
        return await asyncio.gather(*asked, return_exceptions=True)


@pytest.fixture
def together(shop: Shop) -> Together:
    return Together(shop)


@asynccontextmanager
async def somebody_holds(shop: Shop, statement: str, **values: Any) -> AsyncIterator[None]:
    """Another transaction that has not ended yet."""
    async with shop.engine.connect() as tx:
        await run(tx, statement, **values)
        yield


async def buyers(shop: Shop, count: int, *lines: tuple[str, int], **more: Any) -> list[str]:
    return [await shop.admitted(*lines, **more) for _ in range(count)]


async def test_the_first_to_ask_gets_the_last_unit(shop: Shop, together: Together) -> None:
    sku = await shop.sku(east=1)
    waiting = await buyers(shop, 12, (sku, 1))
    waiting.sort(reverse=True)  # arrival, not the name, decides
    assert await together.reserve(*waiting) == [Reserved()] + [Reserved((sku,))] * 11
    assert together.sizes == [12]
    assert await shop.level(sku) == (1, 0, 1)
    assert "StockReserved" in await shop.story(waiting[0])
    assert "StockReserved" not in await shop.story(waiting[1])


async def test_the_first_to_ask_gets_the_last_unit_of_batches_under_way_together(
    shop: Shop, together: Together
) -> None:
    sku = await shop.sku(east=70)
    waiting = await buyers(shop, 2 * MOST_TOGETHER + 10, (sku, 1))
    waiting.sort(reverse=True)
    answers = await together.reserve(*waiting)
    assert answers == [Reserved()] * 70 + [Reserved((sku,))] * (len(waiting) - 70)
    assert together.sizes == [MOST_TOGETHER, MOST_TOGETHER, 10]
    assert await shop.level(sku) == (70, 0, 70)


async def test_each_channel_keeps_its_terms(shop: Shop, together: Together) -> None:
    async with shop.engine.begin() as tx:
        patient = SETUP["channels"][0] | {  # type: ignore[operator]
            "channel": "patient", "on_out_of_stock": "backorder"
        }  # fmt: skip
        await upsert_catalog(tx, {"channels": [patient], "locations": [STORE]})
        await run(tx, "UPDATE channels SET buffer = 3 WHERE channel = 'mall'")
    sku = await shop.sku(east=5, corner=1)
    mall = await buyers(shop, 2, (sku, 2), channel="mall")
    counter = await buyers(shop, 2, (sku, 1), **TO_CORNER)
    waits = await buyers(shop, 1, (sku, 9), channel="patient")
    plain = await buyers(shop, 1, (sku, 1))
    asked = [mall[0], *counter, mall[1], *waits, *plain]
    answers = [answer.short for answer in await together.reserve(*asked)]
    # Six: two to the mall, one at the counter, none past the buffer; who waits takes the rest.
    assert answers == [(), (), (sku,), (sku,), (), (sku,)]
    assert await shop.level(sku) == (6, 0, 6)
    await shop.change("UPDATE channels SET buffer = 0 WHERE channel = 'mall'")


async def test_what_waits_for_stock_comes_before_a_whole_batch(
    shop: Shop, together: Together
) -> None:
    sku = await shop.sku(west=2)
    (part,) = await shop.routed((sku, 2))
    await shop.lacks(part, "not_found")
    await shop.arrived(sku, "west", 3)
    waiting = await buyers(shop, 2, (sku, 1))
    assert [answer.short for answer in await together.reserve(*waiting)] == [(), (sku,)]


async def test_an_order_that_cannot_be_written_fails_alone(shop: Shop, together: Together) -> None:
    sku = await shop.sku(east=3)
    first, bad, last = await buyers(shop, 3, (sku, 1))
    asked = [together.ask(first), together.ask(bad, NEVER_S), together.ask(last)]
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert (answers[0], answers[2]) == (Reserved(), Reserved())
    assert isinstance(answers[1], DBAPIError)
    assert together.sizes[0] == 3
    assert await shop.level(sku) == (3, 0, 2)
    assert await together.reserve(bad) == [Reserved()]


async def test_an_order_nobody_knows_is_an_error_of_its_own(shop: Shop, together: Together) -> None:
    order_id = await shop.admitted((await shop.sku(east=1), 1))
    known, unknown = await together.reserve(order_id, "shop-nobody")
    assert known == Reserved()
    assert isinstance(unknown, AssertionError)


async def test_who_waits_for_another_step_of_its_order_waits_alone(
    shop: Shop, together: Together
) -> None:
    sku = await shop.sku(east=3)
    busy, free = await buyers(shop, 2, (sku, 1))
    lock = "SELECT 1 FROM orders WHERE order_id = :o FOR UPDATE"
    async with somebody_holds(shop, lock, o=busy):
        waits = together.ask(busy)
        async with asyncio.timeout(HANGS_S):
            assert await together.reserve(free) == [Reserved()]
        assert not waits.done()
    assert await waits == Reserved()
    assert together.sizes == [2]


async def test_who_waits_for_goods_that_are_being_counted_waits_alone(
    shop: Shop, together: Together
) -> None:
    counted, other = await shop.sku(east=3), await shop.sku(east=3)
    waiting = await buyers(shop, 2, (counted, 1))
    (free,) = await buyers(shop, 1, (other, 1))
    lock = "SELECT 1 FROM pool_levels WHERE sku = :s FOR UPDATE"
    async with somebody_holds(shop, lock, s=counted):
        wait = [together.ask(order_id) for order_id in waiting]
        async with asyncio.timeout(HANGS_S):
            assert await together.reserve(free) == [Reserved()]
        assert not any(each.done() for each in wait)
    assert await asyncio.gather(*wait) == [Reserved()] * 2
    assert await shop.level(counted) == (3, 0, 2)


async def test_who_waits_for_what_lists_show_of_its_order_waits_alone(
    shop: Shop, together: Together
) -> None:
    """One order alone is held newly; the other of the batch asks again."""
    sku = await shop.sku(east=3)
    busy, held = await buyers(shop, 2, (sku, 1))
    assert await shop.reserve(held) == Reserved()
    lock = "SELECT 1 FROM order_states WHERE order_id = :o FOR UPDATE"
    async with somebody_holds(shop, lock, o=busy):
        waits, again = together.ask(busy), together.ask(held)
        async with asyncio.timeout(HANGS_S):
            assert await again == Reserved()
        assert not waits.done()
    assert await waits == Reserved()
    assert together.sizes == [2]


async def test_who_gives_up_meanwhile_finds_the_hold_or_gives_it_back(shop: Shop) -> None:
    sku = await shop.sku(east=5)
    retried, ended, stays = await buyers(shop, 3, (sku, 1))
    asked: list[asyncio.Task[Reserved]] = []

    def give_up(_: int) -> None:
        for each in asked[:2]:
            each.cancel()

    together = Together(shop)
    together.reservations = Reservations(shop.engine, give_up)
    asked += [together.ask(order_id) for order_id in (retried, ended, stays)]
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers[:2]] == [asyncio.CancelledError] * 2
    assert answers[2] == Reserved()
    assert await shop.reserve(retried) == Reserved()
    assert (await shop.story(retried)).count("StockReserved") == 1
    await shop.holding.release_stock(ended)
    await shop.close(ended, "cancelled")
    assert await shop.level(sku) == (5, 0, 2)


async def test_an_attempt_that_wakes_after_the_end_holds_nothing_among_others(
    shop: Shop, together: Together
) -> None:
    sku = await shop.sku(east=2)
    over, open_order = await buyers(shop, 2, (sku, 1))
    await shop.close(over, "cancelled")
    assert await together.reserve(over, open_order) == [Reserved()] * 2
    assert await shop.level(sku) == (2, 0, 1)


async def test_a_commit_that_breaks_off_fails_all_and_each_asks_again(
    shop: Shop, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await shop.sku(east=3)
    waiting = await buyers(shop, 3, (sku, 1))

    async def broken_off(tx: AsyncConnection) -> None:
        await (await tx.get_raw_connection()).driver_connection.rollback()  # type: ignore[union-attr]
        raise OperationalError("COMMIT", None, ConnectionError("broken off"))

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "commit", broken_off)
        answers = await together.reserve(*waiting)
    assert [type(answer) for answer in answers] == [OperationalError] * 3
    assert await shop.level(sku) == (3, 0, 0)
    assert await together.reserve(*waiting) == [Reserved()] * 3


async def test_a_commit_nobody_heard_of_is_found_by_each(
    shop: Shop, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await shop.sku(east=3)
    waiting = await buyers(shop, 3, (sku, 1))

    async def lost(tx: AsyncConnection) -> None:
        await (await tx.get_raw_connection()).driver_connection.commit()  # type: ignore[union-attr]
        raise OperationalError("COMMIT", None, ConnectionError("no answer"))

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "commit", lost)
        answers = await together.reserve(*waiting)
    assert [type(answer) for answer in answers] == [OperationalError] * 3
    assert await shop.level(sku) == (3, 0, 3)
    assert await together.reserve(*waiting) == [Reserved()] * 3
    assert await shop.level(sku) == (3, 0, 3)
    assert [(await shop.story(each)).count("StockReserved") for each in waiting] == [1] * 3


async def test_a_lost_connection_fails_all_and_each_asks_again(
    shop: Shop, fresh_database_url: str
) -> None:
    """On a database of its own: the pool drops every connection with the lost one."""
    engine = make_engine(fresh_database_url)
    async with engine.begin() as tx:
        await upsert_catalog(tx, SETUP)
    own = Shop(engine, prefix="lost")
    sku = await own.sku(east=3)
    waiting = await buyers(own, 3, (sku, 1))
    together = Together(own)
    lock = "SELECT 1 FROM pool_levels WHERE sku = :s FOR UPDATE"
    end = (
        "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    other = make_engine(fresh_database_url)
    async with other.connect() as counting, other.connect() as watching:
        await run(counting, lock, s=sku)
        asked = asyncio.create_task(together.reserve(*waiting))
        while await row(watching, end) is None:
            await watching.rollback()
            await asyncio.sleep(0.01)
    answers = await asked
    assert {type(answer) for answer in answers} == {OperationalError}
    assert await own.level(sku) == (3, 0, 0)
    assert await together.reserve(*waiting) == [Reserved()] * 3
    for each in (other, engine):
        await each.dispose()
