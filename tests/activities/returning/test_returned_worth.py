"""What a unit that comes back is worth: sent once more or not, and wherever its tax is stated."""

from dataclasses import replace
from typing import Any

import pytest

from activities.playbook import PlaybookActivities, WriteOff
from activities.setting_up import upsert_catalog
from db.inbox.returns import NewItem, NewLine
from tests.activities.returning.counter import Counter
from tests.activities.sellers import a_channel
from tests.activities.shop import HOUR_S, Shop, card, order_of

# 21 % on two units of 10.00 and on 5.00 of freight.
TAXED_BESIDE = [
    {"kind": "shipping", "amount_minor": 500},
    {"kind": "tax", "amount_minor": 525},
]


async def taxed_beside(shop: Shop, counter: Counter, **policy: Any) -> str:
    """Two units at 10.00, whose tax is a charge of the order, delivered."""
    channel = await a_channel(shop)
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"return_policies": [{"channel": channel, **policy}]})
    return await counter.delivered(
        (await shop.sku(west=2), 2),
        channel=channel,
        charges=TAXED_BESIDE,
        tenders=[card(3_025)],
    )


async def refunded(counter: Counter, order_id: str, **changes: Any) -> int:
    """What one more unit brings."""
    rma = await counter.asked(order_id, 1, **changes)
    await counter.ended(rma, 1)
    return int((await counter.row(rma)).refund_minor)


@pytest.mark.parametrize(("discount_minor", "unit_minor"), [(0, 1_000), (200, 900)])
async def test_a_unit_of_what_was_sent_once_more_is_worth_all_that_was_paid_for_it(
    shop: Shop, counter: Counter, discount_minor: int, unit_minor: int
) -> None:
    sku = await shop.sku(west=4)
    (part,) = await shop.routed(
        (sku, 2),
        charges=[{"kind": "discount", "amount_minor": -discount_minor}],
        tenders=[card(2_000 - discount_minor)],
    )
    await shop.shipped(part)
    lost = WriteOff(part.fulfillment_id, "lost", HOUR_S)
    assert await PlaybookActivities(shop.engine).reship(lost)
    order_id = order_of(part)
    again = replace(part, fulfillment_id=f"{order_id}-f2", number=2, cards=(), unauthorized=())
    await shop.shipped(again)
    await shop.advance(again.fulfillment_id, "delivered")
    await shop.close(order_id, "delivered")
    item = NewItem(again.fulfillment_id, 1, sku, 1, "unwanted", "opened")
    brought = [await refunded(counter, order_id, items=(item,)) for _ in range(2)]
    assert brought == [unit_minor, unit_minor]


async def test_tax_beside_the_lines_goes_back_with_the_units_that_it_was_on(
    shop: Shop, counter: Counter
) -> None:
    order_id = await taxed_beside(shop, counter)
    assert [await refunded(counter, order_id) for _ in range(2)] == [1_210, 1_815]


async def test_where_freight_is_kept_so_is_only_its_own_tax(shop: Shop, counter: Counter) -> None:
    order_id = await taxed_beside(shop, counter, refunds_freight=False)
    assert [await refunded(counter, order_id) for _ in range(2)] == [1_210, 1_210]


async def test_goods_pay_for_an_exchange_with_their_tax(shop: Shop, counter: Counter) -> None:
    order_id = await taxed_beside(shop, counter)
    instead = (NewLine(await shop.sku(west=1), 1, 1_000),)
    rma = await counter.asked(order_id, 1, resolution="exchange", instead=instead)
    await counter.settled(rma, 1)
    assert (await counter.row(rma)).goods_minor == 1_210
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    assert (await counter.row(rma)).refund_minor == 1_210
