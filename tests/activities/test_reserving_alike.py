"""However requests are batched, and by whomever: the same as one after another, exactly."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.reserving import Reservations, Reserve, Reserved
from activities.setting_up import upsert_catalog
from db.engine import make_engine
from tests.activities.shop import HOUR_S, SETUP, Shop
from tests.activities.test_store_counter import STORE, TO_CORNER

SEED = 20_261_128
GOODS = 3
ORDERS = 6
EXAMPLES = 25
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "buffered": {"channel": "reserve"},
    "patient": {"channel": "waiting"},
    "collected": TO_CORNER,
}

numbers = st.integers(0, ORDERS - 1)
batches = st.lists(numbers, min_size=1, unique=True)
stories = st.fixed_dictionaries(
    {
        "stock": st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=GOODS,
                          max_size=GOODS),
        "orders": st.lists(
            st.tuples(
                st.sampled_from(sorted(KINDS)),
                st.dictionaries(st.integers(0, GOODS - 1), st.integers(1, 3), min_size=1),
            ),
            min_size=ORDERS, max_size=ORDERS,
        ),
        # Who asks together, and who gives back what it holds afterwards.
        "steps": st.lists(
            st.tuples(batches, st.lists(numbers, max_size=2)), min_size=1, max_size=3
        ),
    }
)  # fmt: skip


@pytest.fixture
async def terms(shop: Shop) -> Shop:
    """Channels with other terms than the shop's own."""
    plain: Any = SETUP["channels"][0]
    channels = [
        plain | {"channel": "reserve", "buffer": 2},
        plain | {"channel": "waiting", "on_out_of_stock": "backorder"},
    ]
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"channels": channels, "locations": [STORE]})
    return shop


class Telling:
    """One story told over goods and orders of its own, in batches or one after another."""

    def __init__(self, shop: Shop, *, is_batched: bool) -> None:
        self.shop = shop
        self.sizes: list[int] = []
        self.reservations = Reservations(shop.engine, self.sizes.append)
        self.is_batched = is_batched

    async def tell(self, story: dict[str, Any]) -> dict[str, Any]:
        self.skus = [
            await self.shop.sku(east=east, corner=corner) for east, corner in story["stock"]
        ]
        self.ids = [
            await self.shop.admitted(
                *((self.skus[sku], units) for sku, units in demand.items()), **KINDS[kind]
            )
            for kind, demand in story["orders"]
        ]
        answers = []
        for asked, given_back in story["steps"]:
            answers += await self.ask(asked)
            for number in given_back:
                await self.shop.holding.release_stock(self.ids[number])
        return {"answers": answers} | await self.outcome()

    async def ask(self, asked: Sequence[int]) -> list[set[int]]:
        orders = [Reserve(self.ids[number], HOUR_S, HOUR_S) for number in asked]
        if self.is_batched:
            found = await asyncio.gather(*(self.reservations.make(order) for order in orders))
        else:
            found = [await self.reservations.make(order) for order in orders]
        return [{self.skus.index(sku) for sku in answer.short} for answer in found]

    async def outcome(self) -> dict[str, Any]:
        orders, goods = {"ids": self.ids}, {"skus": self.skus}
        holds = await self.shop.rows(
            "SELECT order_id, sku, attempt, quantity, state FROM reservations"
            " WHERE order_id = ANY(CAST(:ids AS text[]))", **orders)  # fmt: skip
        moves = await self.shop.rows(
            "SELECT sku, order_id, kind, open_demand_change, pool_on_hand, pool_open_demand"
            " FROM stock_movements WHERE sku = ANY(CAST(:skus AS text[])) AND order_id IS NOT NULL"
            " ORDER BY movement_id", **goods)  # fmt: skip
        heads = await self.shop.rows(
            "SELECT order_id, version, next_step FROM orders"
            " WHERE order_id = ANY(CAST(:ids AS text[]))", **orders)  # fmt: skip
        sku, order = self.skus.index, self.ids.index
        return {
            "levels": [await self.shop.level(each) for each in self.skus],
            "holds": sorted((order(hold[0]), sku(hold[1]), *hold[2:]) for hold in holds),
            # Of each SKU in the order in which they were written.
            "moves": sorted(
                ((sku(move[0]), order(move[1]), *move[2:]) for move in moves), key=lambda m: m[0]
            ),
            "heads": sorted((order(head[0]), *head[1:]) for head in heads),
        }


@given(story=stories)
@settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
async def test_a_batch_is_its_requests_one_after_another(
    terms: Shop, story: dict[str, Any]
) -> None:
    batched, alone = Telling(terms, is_batched=True), Telling(terms, is_batched=False)
    assert await batched.tell(story) == await alone.tell(story)
    assert batched.sizes == [len(asked) for asked, _ in story["steps"]]


@pytest.fixture
async def processes(shop: Shop) -> AsyncIterator[list[Reservations]]:
    """Several processes over one database: each batches by itself."""
    engines = [make_engine(shop.engine.url, pool_size=5) for _ in range(3)]
    yield [Reservations(engine) for engine in engines]
    for engine in engines:
        await engine.dispose()


async def test_several_processes_sell_to_the_last_unit_and_not_one_more(
    shop: Shop, processes: list[Reservations]
) -> None:
    dice = random.Random(SEED)
    goods = [await shop.sku(east=12, west=8) for _ in range(4)]
    wants: dict[str, dict[str, int]] = {}
    for _ in range(60):
        demand = {sku: dice.randint(1, 2) for sku in dice.sample(goods, dice.randint(1, 4))}
        wants[await shop.admitted(*demand.items())] = demand

    async def buy(number: int, order_id: str) -> Reserved:
        return await processes[number % 3].make(Reserve(order_id, HOUR_S, HOUR_S))

    asked = (buy(number, order_id) for number, order_id in enumerate(wants))
    answers = dict(zip(wants, await asyncio.gather(*asked), strict=True))
    sold = dict.fromkeys(goods, 0)
    for order_id, answer in answers.items():
        for sku, units in wants[order_id].items():
            sold[sku] += 0 if answer.short else units
    assert [await shop.level(sku) for sku in goods] == [(20, 0, sold[sku]) for sku in goods]
    refused = [order_id for order_id, answer in answers.items() if answer.short]
    assert refused, "there were more buyers than goods"
    for order_id in refused:
        assert any(sold[sku] + units > 20 for sku, units in wants[order_id].items())


async def test_the_same_order_asked_for_everywhere_holds_once(
    shop: Shop, processes: list[Reservations]
) -> None:
    sku = await shop.sku(east=9)
    waiting = [await shop.admitted((sku, 1)) for _ in range(4)]
    asked = [
        each.make(Reserve(order_id, HOUR_S, HOUR_S))
        for each in processes for order_id in waiting for _ in range(2)
    ]  # fmt: skip
    assert await asyncio.gather(*asked) == [Reserved()] * 24
    assert await shop.level(sku) == (9, 0, 4)


async def test_batches_and_what_else_moves_stock_never_wait_in_a_circle(
    shop: Shop, processes: list[Reservations]
) -> None:
    """Reserving, routing, giving back and expiring, over the same goods in every order."""
    dice = random.Random(SEED)
    goods = [await shop.sku(east=60, west=60) for _ in range(5)]

    async def live(number: int) -> None:
        wanted = [(sku, 1) for sku in dice.sample(goods, dice.randint(2, 5))]
        order_id = await shop.admitted(*wanted)
        for expires_s in (-1.0, HOUR_S):
            asked = Reserve(order_id, expires_s, HOUR_S)
            assert await processes[number % 3].make(asked) == Reserved()
            if expires_s < 0:
                await shop.holding.expire_reservations()
        if number % 2:
            await shop.take(order_id)
            for part in (await shop.route(order_id)).plan:
                await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)
        await shop.holding.release_stock(order_id)

    await asyncio.gather(*(live(number) for number in range(36)))
    assert [await shop.level(sku) for sku in goods] == [(120, 0, 0)] * 5
