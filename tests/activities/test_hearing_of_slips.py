"""A slip that is paid is written down when the news comes, whatever its order is doing then."""

from typing import Any

import pytest

from activities.news import NotYetKnown, SlipNews, payment_news
from activities.payments import Taken
from tests.activities.shop import Shop, paid


def told(order_id: str, event: str = "succeeded") -> dict[str, Any]:
    """Stripe's event about the slip of the order's first tender."""
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 1_000,
        "amount_received": 1_000,
        "currency": "usd",
        "created": 1_795_000_000,
        "metadata": {"order": order_id, "key": f"{order_id}:t1:slip:1"},
    }
    return {
        "id": "evt_1",
        "object": "event",
        "type": f"payment_intent.{event}",
        "created": 1_795_000_000,
        "data": {"object": intent},
    }


async def hear(shop: Shop, document: dict[str, Any]) -> SlipNews | None:
    async with shop.engine.begin() as tx:
        return await payment_news(tx, document)


async def with_slip(shop: Shop) -> str:
    return await shop.admitted((await shop.sku(), 1), tenders=[paid("bank_slip", 1_000)])


async def test_a_slip_paid_while_its_order_is_being_undone_is_refunded(shop: Shop) -> None:
    """The run no longer waits for the bank: what it finds written down it gives back."""
    order_id = await with_slip(shop)
    await shop.take(order_id)
    shop.bank.pay_slip(f"pay_{order_id}:t1:slip:1")
    assert await hear(shop, told(order_id)) == SlipNews("evt_1", order_id, 1, paid=True)
    await shop.close(order_id, "cancelled")
    assert await shop.money_events(order_id) == [
        ("slip_issued", 1_000),
        ("captured", 1_000),
        ("refunded", 1_000),
    ]


async def test_a_slip_paid_is_written_down_once_however_often_it_is_told(shop: Shop) -> None:
    order_id = await with_slip(shop)
    await shop.take(order_id)
    shop.bank.pay_slip(f"pay_{order_id}:t1:slip:1")
    for _ in range(2):
        await hear(shop, told(order_id))
    assert (await shop.story(order_id)).count("SlipPaid") == 1
    assert await shop.take(order_id) == Taken("taken")
    await shop.close(order_id, "cancelled")


async def test_news_that_overtake_our_record_are_read_again(shop: Shop) -> None:
    order_id = await with_slip(shop)
    with pytest.raises(NotYetKnown):
        await hear(shop, told(order_id))
    await shop.take(order_id)
    assert await hear(shop, told(order_id)) is not None
    shop.bank.pay_slip(f"pay_{order_id}:t1:slip:1")
    await shop.close(order_id, "cancelled")


async def test_a_slip_paid_after_the_end_is_left_to_its_refund(shop: Shop) -> None:
    order_id = await with_slip(shop)
    await shop.take(order_id)
    await shop.close(order_id, "cancelled")
    news = await hear(shop, told(order_id))
    assert news == SlipNews("evt_1", order_id, 1, paid=True, is_late=True)
    assert await shop.money_events(order_id) == [("slip_issued", 1_000)]


async def test_a_slip_that_expired_is_told_and_not_written_down_here(shop: Shop) -> None:
    order_id = await with_slip(shop)
    await shop.take(order_id)
    news = await hear(shop, told(order_id, "payment_failed"))
    assert news == SlipNews("evt_1", order_id, 1, paid=False)
    assert await shop.take(order_id) == Taken("pending")
    await shop.close(order_id, "cancelled")
