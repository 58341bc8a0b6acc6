"""One shop for the whole run; each test names its own goods and orders, and leaves it sound."""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.composing import Manner, compose
from activities.mailing import MailServer
from activities.setting_up import upsert_catalog
from db.engine import make_engine
from domain.brand import Brand
from domain.languages import LANGUAGES
from tests.activities.letterbox import SENDER, Letterbox, an_open_letterbox
from tests.activities.lock_order import recorded
from tests.activities.merchants import Merchants, Receiver, merchants_of, receiving
from tests.activities.shop import SETUP, Shop
from workers.local.postgres import PostgresServer

# As many as ever meet at a barrier.
CONNECTIONS = 40
NUMBERS = itertools.count(1)
WRITTEN_AT = datetime(2026, 1, 2, tzinfo=UTC)


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


async def assert_mails_can_be_written(shop: Shop) -> None:
    """A fact that a mail lacks is found here, whatever the test is about, and by no customer."""
    for mail in await shop.rows(
        "SELECT key, payload FROM outbox JOIN orders USING (order_id)"
        " WHERE kind = 'email' AND order_id LIKE :orders AND customer_name NOT LIKE 'erased-%'",
        orders=f"%-{shop.prefix}%",
    ):
        for language in LANGUAGES:
            manner = Manner(Brand("Shop"), language, "https://shop.example/o/1")
            compose(mail.key, mail.payload, SENDER, WRITTEN_AT, manner)


@pytest.fixture
async def shop(shop_engine: AsyncEngine) -> AsyncIterator[Shop]:
    shop = Shop(shop_engine, prefix=f"s{next(NUMBERS)}x")
    with recorded(shop_engine) as wrong_locks:
        yield shop
    assert wrong_locks == []
    await shop.assert_sound()
    await assert_mails_can_be_written(shop)


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, MailServer]]:
    with an_open_letterbox() as opened:
        yield opened


@pytest.fixture
async def merchants(fresh_engine: AsyncEngine) -> AsyncIterator[Merchants]:
    async with merchants_of(fresh_engine) as merchants:
        yield merchants


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
