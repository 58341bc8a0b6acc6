"""The outbox is delivered at least once, and one bad message holds nobody else up."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.channel_news import ChannelNews
from activities.connectors.errors import NotSent
from activities.delivery import Delivery
from activities.mailing import Mails, MailServer
from db.engine import rows, run
from db.stores import outbox
from tests.activities.letterbox import SENDER, Letterbox
from workers.local.ports import any_free_port


class Mall:
    """A channel that is told of parcels, and can be out of reach or beside itself."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None

    async def push_fulfillment(self, *news: Any) -> None:
        if self.failure:
            raise self.failure
        self.told.append(news)


async def post_mail(engine: AsyncEngine, *addresses: str) -> None:
    async with engine.begin() as tx:
        for address in addresses:
            facts = {"name": "n", "order": "1"}
            mail = {"to": address, "template": "order_cancelled", "facts": facts}
            await outbox.post(tx, f"o:{address}", "email", None, mail)


async def waiting(engine: AsyncEngine) -> dict[str, str | None]:
    async with engine.connect() as tx:
        found = await rows(
            tx, "SELECT key, last_error FROM outbox WHERE delivered_at IS NULL ORDER BY key"
        )
    return {message.key: message.last_error for message in found}


def to_channels(engine: AsyncEngine, mall: Mall) -> Delivery:
    return Delivery(engine, {"channel": ChannelNews({"mall": mall})})  # type: ignore[dict-item]


def by_mail(engine: AsyncEngine, server: MailServer) -> Delivery:
    return Delivery(engine, {"email": Mails(server)})


async def deliver(delivery: Delivery) -> int:
    """Give every lane with something due one turn."""
    turns = await asyncio.gather(*map(delivery.deliver, await delivery.due_lanes()))
    return sum(turn.count for turn in turns)


async def test_a_mail_is_delivered_once(
    fresh_engine: AsyncEngine, letterbox: tuple[Letterbox, MailServer]
) -> None:
    box, server = letterbox
    await post_mail(fresh_engine, "ada@example.com", "bob@example.com")
    await post_mail(fresh_engine, "ada@example.com")
    delivery = by_mail(fresh_engine, server)
    assert sorted(await asyncio.gather(*(deliver(delivery) for _ in range(4)))) == [
        0, 0, 0, 2,
    ]  # fmt: skip
    assert box.received == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize("bad", ["a@[", "(@x", "refused@example.com"])
async def test_a_mail_that_cannot_be_sent_waits_alone(
    fresh_engine: AsyncEngine, letterbox: tuple[Letterbox, MailServer], bad: str
) -> None:
    box, server = letterbox
    await post_mail(fresh_engine, "ada@example.com", bad, "bob@example.com")
    assert await deliver(by_mail(fresh_engine, server)) == 3
    assert box.received == ["ada@example.com", "bob@example.com"]
    assert list(await waiting(fresh_engine)) == [f"o:{bad}"]


@pytest.mark.parametrize("bad", ["drops@example.com", "busy@example.com"])
async def test_a_mail_at_which_the_connection_ends_fails_alone(
    fresh_engine: AsyncEngine, letterbox: tuple[Letterbox, MailServer], bad: str
) -> None:
    """Those behind it were not tried: however often it happens, they do not die with it."""
    box, server = letterbox
    delivery = by_mail(fresh_engine, server)
    await post_mail(fresh_engine, "ada@example.com", bad, "bob@example.com", "eve@example.com")
    assert await deliver(delivery) == 4
    async with fresh_engine.begin() as tx:
        found = await rows(tx, "SELECT key, attempts FROM outbox WHERE delivered_at IS NULL")
        assert {mail.key: mail.attempts for mail in found} == {
            f"o:{bad}": 1, "o:bob@example.com": 0, "o:eve@example.com": 0,
        }  # fmt: skip
        later = "UPDATE outbox SET next_attempt_at = now() + attempts * interval '1 hour'"
        await run(tx, later)
    assert await deliver(delivery) == 2
    assert box.received == ["ada@example.com", "bob@example.com", "eve@example.com"]


@pytest.mark.parametrize("host", [None, "127.0.0.1"])
async def test_without_a_mail_server_mail_waits(
    fresh_engine: AsyncEngine, host: str | None
) -> None:
    await post_mail(fresh_engine, "ada@example.com", "bob@example.com")
    server = MailServer(host, any_free_port(), SENDER, starttls=False)
    delivery = by_mail(fresh_engine, server)
    assert await deliver(delivery) == 2
    assert all(
        "no mail server" in (error or "") for error in (await waiting(fresh_engine)).values()
    )
    assert await deliver(delivery) == 0


async def test_what_waits_for_a_mail_server_s_address_never_dies_and_what_fails_does(
    fresh_engine: AsyncEngine,
) -> None:
    async def give_up_after_one_more(delivery: Delivery) -> list[str]:
        async with fresh_engine.begin() as tx:
            await run(
                tx,
                "UPDATE outbox SET attempts = :last, next_attempt_at = now()",
                last=outbox.MOST_ATTEMPTS - 1,
            )
        await deliver(delivery)
        async with fresh_engine.connect() as tx:
            found = await rows(tx, "SELECT last_error FROM outbox WHERE dead_at IS NOT NULL")
        return [message.last_error for message in found]

    await post_mail(fresh_engine, "ada@example.com")
    nowhere = MailServer(None, 0, SENDER)
    away = MailServer("127.0.0.1", any_free_port(), SENDER, starttls=False)
    assert await give_up_after_one_more(by_mail(fresh_engine, nowhere)) == []
    (error,) = await give_up_after_one_more(by_mail(fresh_engine, away))
    assert error.endswith("no mail server")
    assert await deliver(by_mail(fresh_engine, away)) == 0


async def test_news_for_a_channel_that_stays_away_dies(fresh_engine: AsyncEngine) -> None:
    await post_news(fresh_engine, "1", [], channel="nowhere")
    async with fresh_engine.begin() as tx:
        await run(tx, "UPDATE outbox SET attempts = :last", last=outbox.MOST_ATTEMPTS - 1)
    assert await deliver(to_channels(fresh_engine, Mall())) == 1
    async with fresh_engine.connect() as tx:
        (dead,) = await rows(tx, "SELECT last_error FROM outbox WHERE dead_at IS NOT NULL")
    assert dead.last_error == "no account for the channel nowhere"


async def test_a_channel_is_told_of_lines_when_all_of_them_are_known_there(
    fresh_engine: AsyncEngine,
) -> None:
    mall = Mall()
    await post_news(fresh_engine, "1", [["gid://line/1", 2]])
    await post_news(fresh_engine, "2", [["gid://line/1", 2], [None, 1]])
    assert await deliver(to_channels(fresh_engine, mall)) == 2
    assert mall.told == [
        ("1", "TRACK", "road", (("gid://line/1", 2),)),
        ("2", "TRACK", "road", None),
    ]


@pytest.mark.parametrize("failure", [NotSent("mall", "refused connection"), KeyError("surprise")])
async def test_a_channel_that_fails_is_told_later(
    fresh_engine: AsyncEngine, failure: Exception
) -> None:
    mall = Mall()
    mall.failure = failure
    await post_news(fresh_engine, "1", [])
    await post_news(fresh_engine, "2", [], channel="nowhere")
    assert await deliver(to_channels(fresh_engine, mall)) == 2
    errors = await waiting(fresh_engine)
    assert errors["o:2"] == "no account for the channel nowhere"
    assert type(failure).__name__ in str(errors["o:1"]) or "refused" in str(errors["o:1"])


async def post_news(
    engine: AsyncEngine, external_id: str, lines: list[Any], channel: str = "mall"
) -> None:
    news = {"channel": channel, "external_id": external_id, "tracking_number": "TRACK",
            "carrier": "road", "lines": lines}  # fmt: skip
    async with engine.begin() as tx:
        await outbox.post(tx, f"o:{external_id}", "channel_fulfillment", None, news)
