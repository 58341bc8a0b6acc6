"""What was read of others' books is judged by what we began in the same window, and no more."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.connectors.channel.port import ChannelOrder
from activities.connectors.payment.port import PaymentPage, PaymentRecord, PaymentStatus
from activities.reconciling.books import BookActivities, LookAt, ReadPage
from activities.reconciling.comparing import compare
from activities.reconciling.lines import PaymentLine
from db.engine import run
from db.stores import outbox, reconciliation
from tests.activities.shop import Shop

NOW = datetime.now(UTC)
LOOK = LookAt("r", "payments", 1, NOW - timedelta(days=30), NOW + timedelta(hours=1), 900.0)


async def found(shop: Shop, look: LookAt, *lines: Any) -> set[tuple[str, str]]:
    """What this test's own orders differ in: others share the database."""
    async with shop.engine.connect() as tx:
        violations = await compare(tx, look, [asdict(line) for line in lines])
    return {
        (each.rule, each.subject)
        for each in violations
        if shop.prefix in str((each.subject, each.ours, each.theirs))
    }


async def a_payment(shop: Shop) -> tuple[str, PaymentLine]:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    order_id = part.fulfillment_id.removesuffix("-f1")
    key = f"{order_id}:t1:authorize:1"
    return order_id, PaymentLine(f"pay_{key}", "held", 1_000, 0, 0, "USD", key=key)


async def age(shop: Shop, order_id: str, days: int) -> None:
    async with shop.engine.begin() as tx:
        await run(
            tx,
            """
            UPDATE payment_intents SET begun_at = begun_at - make_interval(days => :days)
            WHERE order_id = :order_id
            """,
            days=days,
            order_id=order_id,
        )


async def test_a_payment_begun_in_the_window_must_be_in_the_vendors_books(shop: Shop) -> None:
    order_id, line = await a_payment(shop)
    assert await found(shop, LOOK, line) == set()
    assert await found(shop, LOOK) == {("vendor_knows_the_payment", line.ref)}
    await age(shop, order_id, 40)
    assert await found(shop, LOOK) == set(), "the vendor was not asked about it"
    wrong = replace(line, currency="BRL")
    assert await found(shop, LOOK, wrong) == {("vendor_sums_equal_ours", f"{line.key}/currency")}


async def test_a_payment_begun_after_the_look_is_not_missed(shop: Shop) -> None:
    await a_payment(shop)
    assert await found(shop, replace(LOOK, until=NOW - timedelta(hours=2))) == set()


async def test_an_answer_on_its_way_is_waited_for_an_hour_once_the_order_is_closed(
    shop: Shop,
) -> None:
    order_id, line = await a_payment(shop)
    async with shop.engine.begin() as tx:
        await run(
            tx,
            """
            INSERT INTO payment_intents (key, order_id, tender_no, verb, amount_minor, currency,
                authorization_key, state)
            VALUES (:void, :order_id, 1, 'void', 1000, 'USD', :key, 'begun')
            """,
            key=line.key,
            void=f"{line.key}-void",
            order_id=order_id,
        )
        await run(
            tx,
            "UPDATE orders SET outcome = 'cancelled', closed_at = now() WHERE order_id = :o",
            o=order_id,
        )
    voided = replace(line, status="voided")
    assert await found(shop, LOOK, voided) == set()
    await age(shop, order_id, 1)
    assert await found(shop, LOOK, voided) == {("vendor_state_is_ours", line.key)}
    async with shop.engine.begin() as tx:  # as it was, for the shop's own books
        await run(tx, "DELETE FROM payment_intents WHERE key = :void", void=f"{line.key}-void")
        await run(
            tx, "UPDATE orders SET outcome = NULL, closed_at = NULL WHERE order_id = :o", o=order_id
        )


async def push(shop: Shop, external_id: str, *, hours_ago: int) -> str:
    key = f"mall-{external_id}:f1:tracking"
    news = {"channel": "mall", "external_id": external_id, "tracking_number": f"EZ-{external_id}"}
    async with shop.engine.begin() as tx:
        await outbox.post(tx, key, "channel_fulfillment", None, news)
        await run(
            tx,
            "UPDATE outbox SET created_at = now() - make_interval(hours => :h) WHERE key = :key",
            h=hours_ago,
            key=key,
        )
    return key


async def test_news_that_wait_for_more_than_an_hour_are_late(shop: Shop) -> None:
    look = replace(LOOK, scope="orders:mall")
    await push(shop, f"{shop.prefix}new", hours_ago=0)
    stuck = await push(shop, f"{shop.prefix}old", hours_ago=2)
    assert await found(shop, look) == {("channel_is_told_once", stuck)}


async def test_an_order_of_which_the_channel_shows_a_part_is_not_judged(shop: Shop) -> None:
    look = replace(LOOK, scope="orders:mall")
    external_id = f"{shop.prefix}many"
    key = await push(shop, external_id, hours_ago=2)
    partial = ChannelOrder(external_id, NOW, is_ready=False, tracking_numbers=None)
    lines = [asdict(partial) | {"updated_at": NOW.isoformat()}]
    async with shop.engine.connect() as tx:
        judged = {each.subject for each in await compare(tx, look, lines)}
    assert key not in judged


def read(order: ChannelOrder) -> dict[str, Any]:
    """As it is kept between reading and comparing."""
    kept: dict[str, Any] = json.loads(json.dumps(asdict(order), default=datetime.isoformat))
    return kept


async def uncancelled(shop: Shop, order_id: str, at: datetime = NOW) -> list[tuple[Any, ...]]:
    """The tasks of an order that the mall cancelled then: both sides of each."""
    external_id = order_id.removeprefix("mall-")
    there = ChannelOrder(external_id, NOW, is_ready=False, tracking_numbers=(), cancelled_at=at)
    async with shop.engine.connect() as tx:
        found = await compare(tx, replace(LOOK, scope="orders:mall"), [read(there)])
    return [
        (each.rule, each.ours, each.theirs)
        for each in found
        if (each.rule, each.subject) == ("channel_cancellations_are_followed", order_id)
    ]


async def test_an_order_that_is_open_long_after_its_channel_cancelled_it_is_a_task(
    shop: Shop,
) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), channel="mall")
    assert await uncancelled(shop, order_id, LOOK.until - timedelta(minutes=14)) == []
    (task,) = await uncancelled(shop, order_id)
    external_id = order_id.removeprefix("mall-")
    assert task == (
        "channel_cancellations_are_followed",
        {"order_id": order_id, "outcome": None},
        {"external_id": external_id, "cancelled_at": NOW},
    )
    await shop.close(order_id, "cancelled")
    assert await uncancelled(shop, order_id) == []


async def test_what_left_the_house_and_was_cancelled_there_stays_a_task(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1), channel="mall")
    order_id = part.fulfillment_id.removesuffix("-f1")
    await shop.shipped(part)
    assert [ours for _, ours, _ in await uncancelled(shop, order_id)] == [
        {"order_id": order_id, "outcome": None}
    ]
    await shop.advance(part.fulfillment_id, "delivered")
    await shop.close(order_id, "delivered")
    assert [ours for _, ours, _ in await uncancelled(shop, order_id)] == [
        {"order_id": order_id, "outcome": "delivered"}
    ]


async def test_what_we_refused_may_be_cancelled_there(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), channel="mall")
    await shop.close(order_id, "refused_stock")
    assert await uncancelled(shop, order_id) == []


class Bank:
    """Shows one payment that we began, and one of another program."""

    async def list_payments(self, since: datetime, cursor: str | None) -> PaymentPage:
        ours = PaymentRecord("pi_1", PaymentStatus.AUTHORIZED, 5, 0, 0, "USD", "shop-1:t1:slip:1")
        return PaymentPage((ours, replace(ours, vendor_ref="pi_2", key=None)), "pi_2")


@pytest.mark.parametrize("times", [1, 2])
async def test_a_page_is_kept_once_without_the_payments_of_other_programs(
    shop: Shop, times: int
) -> None:
    look = replace(LOOK, run=f"{shop.prefix}-{times}")
    books = BookActivities(shop.engine, Bank(), None, {})
    for _ in range(times):
        assert (await books.read_payments(ReadPage(look, None))).next_cursor == "pi_2"
    async with shop.engine.connect() as tx:
        kept = await reconciliation.lines(tx, look.look)
    assert [line["ref"] for line in kept] == ["pi_1"]
