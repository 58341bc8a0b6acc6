"""One shop for the whole run; each test names its own goods and orders, and leaves it sound."""

import itertools
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.setting_up import upsert_catalog
from db.engine import make_engine
from tests.activities.lock_order import recorded
from tests.activities.merchants import Merchants, Receiver, merchants_of, receiving
from tests.activities.shop import SETUP, Shop
from workers.local.postgres import PostgresServer

# As many as ever meet at a barrier.
CONNECTIONS = 40
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
async def shop_engine(
    postgres: PostgresServer, template_database: str
) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(
        await postgres.create_database("activities", template=template_database),
        pool_size=CONNECTIONS,
    )
    async with engine.begin() as tx:
        await upsert_catalog(tx, SETUP)
    yield engine
    await engine.dispose()


@pytest.fixture
async def shop(shop_engine: AsyncEngine) -> AsyncIterator[Shop]:
    shop = Shop(shop_engine, prefix=f"s{next(NUMBERS)}x")
    with recorded(shop_engine) as wrong_locks:
        yield shop
    assert wrong_locks == []
    await shop.assert_sound()


@pytest.fixture
async def merchants(fresh_engine: AsyncEngine) -> AsyncIterator[Merchants]:
    async with merchants_of(fresh_engine) as merchants:
        yield merchants


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
