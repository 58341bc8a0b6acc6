"""A channel is pulled again and again: what it cancelled is kept once, whoever says so first."""

from typing import Any

from activities.channels import ChannelActivities, Pull
from activities.connectors.channel.fake import FakeChannel
from db.inbox.cancellations import keep_cancellation
from tests.activities.shop import Shop

MALL = "mall"


async def pulled(shop: Shop, *documents: dict[str, Any], cancelled: tuple[str, ...] = ()) -> int:
    """Pull one page; return how much of it was new."""
    gateway = FakeChannel(documents, cancelled)
    return (await ChannelActivities(shop.engine, {MALL: gateway}).pull_orders(Pull(MALL))).new


async def kept(shop: Shop, external_id: str) -> list[tuple[str, ...]]:
    found = await shop.rows(
        "SELECT source, kind, state FROM inbox WHERE external_id IN (:e, 'cancelled:mall-' || :e)"
        " ORDER BY kind",
        e=external_id,
    )
    return [tuple(each) for each in found]


async def audited(shop: Shop, external_id: str) -> list[tuple[str, ...]]:
    found = await shop.rows(
        "SELECT actor, action FROM audit_log WHERE subject = 'mall-' || :e", e=external_id
    )
    return [tuple(each) for each in found]


async def test_a_known_order_that_was_cancelled_is_one_row_for_pull_and_webhook(
    shop: Shop,
) -> None:
    document = shop.document((await shop.sku(), 1), channel=MALL)
    external_id = document["external_id"]
    assert await pulled(shop, document) == 1
    assert await pulled(shop, cancelled=(external_id,)) == 1
    assert await pulled(shop, cancelled=(external_id,)) == 0
    async with shop.engine.begin() as tx:
        assert not await keep_cancellation(tx, MALL, external_id, "webhook:shopify")
    assert await kept(shop, external_id) == [(MALL, "order", "new"), ("channel", "webhook", "new")]
    assert await audited(shop, external_id) == [("pull:mall", "OrderCancellationAsked")]


async def test_an_order_cancelled_before_it_was_pulled_is_refused_for_good(shop: Shop) -> None:
    document = shop.document((await shop.sku(), 1), channel=MALL)
    external_id = document["external_id"]
    assert await pulled(shop, cancelled=(external_id,)) == 1
    assert await pulled(shop, document) == 0, "a page that was read before the cancellation"
    assert await pulled(shop, cancelled=(external_id,)) == 0
    assert await kept(shop, external_id) == [(MALL, "order", "rejected")]
    assert await audited(shop, external_id) == [("pull:mall", "OrderReceived")]
