"""The outbox loop: whoever hangs, fails or is slow, the others are told as soon as ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery import Delivery, Failure
from activities.merchant_news import MerchantNews
from db.stores import outbox
from tests.activities.merchants import Merchants, answers, hang, merchants_of, receiving
from workers.outbox import TURNS, OutboxLoop

WEBHOOK_TURNS = TURNS["webhook"]

PATIENCE_S = 60.0


class Noted:
    """A way whose messages arrive at once."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def carry(self, _: Any, messages: Sequence[Any]) -> Mapping[int, Failure | None]:
        self.keys += [message.key for message in messages]
        return {message.outbox_id: None for message in messages}


class Hanging:
    async def carry(self, _: Any, messages: Sequence[Any]) -> Mapping[int, Failure | None]:
        await asyncio.Event().wait()
        raise AssertionError


class Broken:
    async def carry(self, _: Any, messages: Sequence[Any]) -> Mapping[int, Failure | None]:
        raise RuntimeError("a bug of ours")


@pytest.fixture
async def merchants(fresh_engine: AsyncEngine) -> AsyncIterator[Merchants]:
    async with merchants_of(fresh_engine) as merchants:
        yield merchants


@asynccontextmanager
async def running(merchants: Merchants, **ways: Any) -> AsyncIterator[OutboxLoop]:
    news = MerchantNews(merchants.addresses, merchants.http)
    loop = OutboxLoop(merchants.engine, Delivery(merchants.engine, {"webhook": news, **ways}))
    stop = asyncio.Event()
    task = asyncio.create_task(loop.run(stop))
    try:
        yield loop
    finally:
        stop.set()
        for turn in loop._turns.values():
            turn.cancel()
        await asyncio.wait_for(task, 10)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.02)


async def post(merchants: Merchants, kind: str, key: str, **payload: Any) -> None:
    async with merchants.engine.begin() as tx:
        await outbox.post(tx, key, kind, None, payload)


async def test_those_who_hang_delay_nobody_else(
    merchants: Merchants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hang for as long as the test lasts: it ends only if nobody waits for them."""
    monkeypatch.setattr("activities.merchant_news.TIMEOUT_S", 10 * PATIENCE_S)
    mails, channel = Noted(), Noted()
    async with AsyncExitStack() as stack:
        hanging = [await stack.enter_async_context(receiving()) for _ in range(WEBHOOK_TURNS - 1)]
        healthy = await stack.enter_async_context(receiving())
        for each in hanging:
            each.answer = hang
            await merchants.subscribe(each.url)
        await merchants.subscribe(healthy.url)
        async with running(merchants, email=mails, channel=channel):
            orders = [await merchants.order() for _ in range(30)]
            for order_id in orders:
                await merchants.tell(order_id, "OrderPlaced")
            async with asyncio.timeout(PATIENCE_S):
                for each in hanging:
                    await each.heard.wait()
            # Now they all hang. What comes from here on is told all the same.
            for order_id in orders:
                await merchants.tell(order_id, "Delivered")
            await post(merchants, "email", "mail")
            await post(merchants, "channel_fulfillment", "news", channel="mall")

            async def are_told() -> bool:
                return len(healthy.calls) == 60 and bool(mails.keys and channel.keys)

            await until(are_told)
    assert set(healthy.ids().values()) == {1}
    assert all(healthy.sequences(order_id) == [1, 2] for order_id in orders)


async def test_channels_that_all_hang_delay_no_mail(merchants: Merchants) -> None:
    for number in range(TURNS["channel"] + 1):
        await post(merchants, "channel_fulfillment", f"news-{number}", channel=f"mall{number}")
    mails = Noted()
    async with running(merchants, email=mails, channel=Hanging()) as loop:
        await until(lambda: _is(len(loop._turns) == TURNS["channel"]))
        await post(merchants, "email", "mail")
        await until(lambda: _is(mails.keys == ["mail"]))


async def test_who_hung_rests_and_its_turn_goes_to_others(
    merchants: Merchants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are turns."""
    monkeypatch.setattr("activities.merchant_news.TIMEOUT_S", 2.0)
    monkeypatch.setattr("activities.delivery.BATCH", 3)
    async with AsyncExitStack() as stack:
        hanging = [await stack.enter_async_context(receiving()) for _ in range(WEBHOOK_TURNS + 3)]
        healthy = await stack.enter_async_context(receiving())
        for each in hanging:
            each.answer = hang
            await merchants.subscribe(each.url)
        await merchants.subscribe(healthy.url)
        for _ in range(5):
            await merchants.tell(await merchants.order(), "OrderPlaced")
        async with running(merchants):

            async def are_told() -> bool:
                return len(healthy.calls) == 5 and all(each.calls for each in hanging)

            await until(are_told)
    # Each had one share of one turn, and then rests although more is due.
    assert {len(each.calls) for each in hanging} == {3}


async def test_a_fault_in_one_way_stops_no_other(merchants: Merchants) -> None:
    await post(merchants, "channel_fulfillment", "news", channel="mall")
    mails = Noted()
    async with running(merchants, email=mails, channel=Broken()) as loop:
        await until(lambda: _is(loop._rests_until.get("channel:mall", 0.0) > 0))
        await post(merchants, "email", "mail")
        await until(lambda: _is(mails.keys == ["mail"]))
    assert [each.key for each in await merchants.waiting()] == ["news"]


async def _is(claim: bool) -> bool:  # noqa: FBT001
    return claim


async def test_two_loops_tell_each_order_in_its_order(merchants: Merchants) -> None:
    async with receiving() as receiver:
        receiver.answer = answers(200)
        await merchants.subscribe(receiver.url)
        orders = [await merchants.order() for _ in range(4)]

        async def tell(order_id: str) -> None:
            await merchants.tell(order_id, *["TrackingUpdated"] * 6)

        async with running(merchants), running(merchants):
            await asyncio.gather(*map(tell, orders))

            async def are_told() -> bool:
                return not await merchants.waiting()

            await until(are_told)
    assert all(receiver.sequences(order_id) == [1, 2, 3, 4, 5, 6] for order_id in orders)
    assert set(receiver.ids().values()) == {1}


async def test_an_event_that_nobody_hears_wakes_no_loop(
    merchants: Merchants, fresh_database_url: str
) -> None:
    order_id = await merchants.order()
    dsn = fresh_database_url.replace("postgresql+psycopg", "postgresql")
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as listener:
        await listener.execute("LISTEN outbox")
        await merchants.tell(order_id, "Picked")
        await merchants.subscribe("https://merchant.example/hook")
        await merchants.tell(order_id, "Packed")
        notices = [notice async for notice in listener.notifies(timeout=PATIENCE_S, stop_after=1)]
        assert len(notices) == 1
        assert [n async for n in listener.notifies(timeout=0.2)] == []
