"""What an operator may do about webhooks from the command line, and the line for what cannot be."""

import re

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.activities.merchants import merchants_of
from workers import webhooks
from workers.errors import UserError
from workers.settings import Settings

URL = "https://erp.example.com/hook"


@pytest.fixture
def settings(fresh_database_url: str) -> Settings:
    return Settings(database_url=SecretStr(fresh_database_url))


async def test_subscriptions_are_made_listed_disabled_and_rotated(settings: Settings) -> None:
    made = await webhooks.create(settings, URL, "Delivered, OrderClosed")
    subscription_id, secret = made.split("  ")
    line = f"{subscription_id}  {URL}  Delivered,OrderClosed"
    assert await webhooks.listing(settings) == [line]
    await webhooks.enable(settings, subscription_id, enabled=False)
    assert await webhooks.listing(settings) == [f"{line}  disabled"]
    await webhooks.enable(settings, subscription_id, enabled=True)
    assert await webhooks.listing(settings) == [line]
    fresh = await webhooks.rotate(settings, subscription_id)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]+=*", fresh)
    assert fresh != secret


async def test_dead_letters_are_listed_and_replayed(
    settings: Settings, fresh_engine: AsyncEngine
) -> None:
    subscription_id = (await webhooks.create(settings, URL, "*")).split("  ")[0]
    async with merchants_of(fresh_engine) as merchants:
        order_id = await merchants.order()
        await merchants.tell(order_id, "Delivered")
        await merchants.sql("UPDATE outbox SET dead_at = now(), last_error = 'the answer is 500'")
        (letter,) = await merchants.outbox()
        number = str(letter.outbox_id)
        assert await webhooks.dead_letters(settings) == [
            f"{number}  webhook  {order_id}  the answer is 500",
            "1 dead letters",
        ]
        assert await webhooks.replay(settings, number, None) == "1 dead letter"
        assert await webhooks.dead_letters(settings) == ["0 dead letters"]
        await merchants.sql("UPDATE outbox SET delivered_at = now()")
        since = letter.created_at.replace(tzinfo=None)
        assert await webhooks.replay(settings, subscription_id, since) == "1 events"
        assert len(await merchants.waiting()) == 1


async def test_what_cannot_be_is_one_line(settings: Settings) -> None:
    with pytest.raises(UserError, match="url: the URL must begin with https"):
        await webhooks.create(settings, "http://127.0.0.1/", "*")
    with pytest.raises(UserError, match="events: unknown events: Devoured"):
        await webhooks.create(settings, URL, "Devoured")
    with pytest.raises(UserError, match="no subscription"):
        await webhooks.enable(settings, "sub_1", enabled=True)
    with pytest.raises(UserError, match="no subscription"):
        await webhooks.rotate(settings, "sub_1")
    with pytest.raises(UserError, match="--since"):
        await webhooks.replay(settings, "sub_1", None)
    with pytest.raises(UserError, match="no dead letter 7"):
        await webhooks.replay(settings, "7", None)
