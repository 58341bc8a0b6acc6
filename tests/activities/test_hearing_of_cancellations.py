"""What a channel's cancellation, or a caller's, means for an order, at each moment of its life."""

from typing import Any

import pytest

from activities.news import CHANNEL_CANCELS, CancellationNews, NotYetDone, cancellation_news
from db.inbox import remarks
from db.inbox.orders import ContentDiffers, commit_order, commit_rejected_order
from db.inbox.remarks import Remark
from tests.activities.shop import Shop


async def hear(shop: Shop, order_id: str, **asked: str) -> CancellationNews | None:
    channel, _, external_id = order_id.partition("-")
    document = {"channel": channel, "external_id": external_id} | asked
    async with shop.engine.begin() as tx:
        return await cancellation_news(tx, document)


def news(order_id: str, *, is_done: bool) -> CancellationNews:
    return CancellationNews(order_id, "channel:shop", CHANNEL_CANCELS, is_done)


async def said(shop: Shop, order_id: str) -> list[tuple[Any, ...]]:
    found = await shop.rows(
        "SELECT about, text, said_by FROM remarks WHERE subject = :o", o=order_id
    )
    return [tuple(remark) for remark in found]


async def test_an_order_that_waits_for_its_admission_is_waited_for(shop: Shop) -> None:
    order = await shop.commit(shop.document((await shop.sku(), 1)))
    with pytest.raises(NotYetDone):
        await hear(shop, order.order_id)
    await shop.admission.admit(order)
    assert await hear(shop, order.order_id) == news(order.order_id, is_done=False)
    await shop.close(order.order_id, "cancelled")


async def test_it_is_done_once_every_parcel_has_stopped(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    order_id = part.fulfillment_id.removesuffix("-f1")
    assert await hear(shop, order_id) == news(order_id, is_done=False)
    assert (await shop.fulfillment.request_cancellation(order_id)).stopping == (1,)
    # Who stops it may be lost before it did.
    assert await hear(shop, order_id) == news(order_id, is_done=False)
    assert await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)
    assert await hear(shop, order_id) == news(order_id, is_done=True)
    await shop.close(order_id, "cancelled")
    assert await hear(shop, order_id) is None


async def test_it_is_done_where_every_parcel_has_left_and_the_run_hears_of_it(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    order_id = part.fulfillment_id.removesuffix("-f1")
    await shop.shipped(part)
    assert await hear(shop, order_id) == news(order_id, is_done=True)


async def test_a_closed_order_hears_of_nothing(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    await shop.close(order_id, "refused_stock")
    assert await hear(shop, order_id) is None
    assert await said(shop, order_id) == []


async def test_why_it_was_cancelled_is_said_unless_a_person_said_it(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    for _ in range(2):
        await hear(shop, order_id)
    assert await said(shop, order_id) == [("cancelled", "cancelled at the channel", "channel:shop")]
    other = await shop.admitted((await shop.sku(), 1))
    async with shop.engine.begin() as tx:
        await remarks.keep(tx, Remark(other, "cancelled", "changed their mind"), "key:1")
    await hear(shop, other)
    assert await said(shop, other) == [("cancelled", "changed their mind", "key:1")]
    for each in (order_id, other):
        await shop.close(each, "cancelled")
    closed = await shop.row("SELECT outcome_reason FROM orders WHERE order_id = :o", o=order_id)
    assert closed.outcome_reason == "cancelled at the channel"


async def test_what_its_admission_refused_is_refused_for_good(shop: Shop) -> None:
    document = shop.document((await shop.sku(), 1))
    named = {"channel": "shop", "external_id": document["external_id"]}
    async with shop.engine.begin() as tx:
        await commit_rejected_order(tx, {"raw": 1}, reason="unknown SKU", **named)
    assert await hear(shop, f"shop-{document['external_id']}") is None
    async with shop.engine.begin() as tx:
        with pytest.raises(ContentDiffers):
            await commit_order(tx, document, deferred=True, **named)


ASKED = {"actor": "key:1", "told_as": "abc"}


async def test_who_asked_us_is_told_on_and_has_said_why(shop: Shop) -> None:
    order = await shop.commit(shop.document((await shop.sku(), 1)))
    with pytest.raises(NotYetDone):
        await hear(shop, order.order_id, **ASKED)
    await shop.admission.admit(order)
    heard = CancellationNews(order.order_id, "key:1", "abc", is_done=False)
    assert await hear(shop, order.order_id, **ASKED) == heard
    assert await said(shop, order.order_id) == []
    await shop.close(order.order_id, "cancelled")
    assert await hear(shop, order.order_id, **ASKED) is None


async def test_what_was_asked_of_an_order_that_is_refused_stands_in_nobodys_way(shop: Shop) -> None:
    document = shop.document((await shop.sku(), 1))
    named = {"channel": "shop", "external_id": document["external_id"]}
    async with shop.engine.begin() as tx:
        await commit_rejected_order(tx, {"raw": 1}, reason="unknown SKU", **named)
    assert await hear(shop, f"shop-{document['external_id']}", **ASKED) is None
    async with shop.engine.begin() as tx:
        assert (await commit_order(tx, document, deferred=True, **named)).is_new
