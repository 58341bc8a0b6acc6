"""A label to send goods back is bought once, and given back when nobody needs it."""

import pytest

from activities.connectors.errors import OutcomeUnknown
from activities.news import carrier_news
from db.inbox.webhooks import commit_webhook
from domain.tracking import TrackingEvent, TrackingStatus
from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop


async def bought_unheard(shop: Shop, counter: Counter, rma: str) -> None:
    """The carrier sells the return's label, and its answer is lost."""
    await counter.labels.create_return_shipment(rma)
    shop.road.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await counter.labelled(rma)


async def came_before_its_label(shop: Shop, counter: Counter) -> tuple[str, str]:
    """The goods are there before the purchase of their label is heard of; the order and return."""
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await counter.asked(order_id, 1)
    await bought_unheard(shop, counter, rma)
    await counter.came(rma, 1)
    return order_id, rma


async def test_a_label_is_bought_once_from_the_customers_door_to_ours(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=2), 2))
    rma = await counter.asked(order_id, 1)
    bought = shop.road.purchases
    await counter.labelled(rma)
    await counter.labelled(rma)
    assert shop.road.purchases == bought + 1
    command = shop.road.created[-1]
    assert (command.is_return, command.reference) == (True, f"{order_id}:r1:label:1")
    assert (command.ship_from.city, command.ship_to.city) == ("San Francisco", "San Jose")
    mails = await shop.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_id)
    assert f"{order_id}:return_approved:r1" in {mail.key for mail in mails}
    await counter.ended(rma, 1)


async def test_after_an_unknown_purchase_the_label_is_looked_for(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await counter.asked(order_id, 1)
    bought = shop.road.purchases
    await bought_unheard(shop, counter, rma)
    await counter.labelled(rma)
    assert shop.road.purchases == bought + 1
    await counter.ended(rma, 1)


async def test_the_label_of_a_return_that_is_called_off_is_voided(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await counter.asked(order_id, 1)
    await counter.labelled(rma)
    await counter.cancelled(rma)
    for _ in range(2):
        await counter.labels.void_return_label(rma)
    label = await shop.row("SELECT * FROM labels WHERE rma = :r", r=rma)
    assert label.state == "voided"
    assert shop.road.bought[label.vendor_shipment_id].voided


async def test_goods_that_came_before_the_labels_purchase_was_heard_of_need_none(
    shop: Shop, counter: Counter
) -> None:
    _, rma = await came_before_its_label(shop, counter)
    # The attempt that comes too late may be heard of before the goods are: then nobody else looks.
    await counter.labelled(rma)
    label = await shop.row("SELECT * FROM labels WHERE rma = :r", r=rma)
    assert (label.state, label.tracker_id) == ("voided", f"trk_{label.vendor_shipment_id}")
    assert shop.road.bought[label.vendor_shipment_id].voided
    await counter.labels.void_return_label(rma)
    await counter.ended(rma, 1)


async def test_a_label_that_nobody_heard_of_and_that_is_used_all_the_same_is_kept(
    shop: Shop, counter: Counter
) -> None:
    """The carrier has scanned it: it would say that it takes the label back, and then would not."""
    order_id, rma = await came_before_its_label(shop, counter)
    at = (await shop.row("SELECT now() AS now")).now
    shop.road.events = (TrackingEvent("e1", TrackingStatus.IN_TRANSIT, at, "on its way"),)
    for _ in range(2):
        await counter.labelled(rma)
        await counter.labels.void_return_label(rma)
    label = await shop.row("SELECT * FROM labels WHERE rma = :r", r=rma)
    assert (label.state, shop.road.bought[label.vendor_shipment_id].voided) == ("bought", False)
    assert (await shop.story(order_id)).count("ReturnLabelBought") == 1
    await counter.ended(rma, 1)


async def test_the_label_that_brought_the_goods_is_kept(shop: Shop, counter: Counter) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await counter.asked(order_id, 1)
    await counter.labelled(rma)
    await counter.came(rma, 1)
    await counter.labels.void_return_label(rma)
    assert (await shop.row("SELECT state FROM labels WHERE rma = :r", r=rma)).state == "bought"
    await counter.ended(rma, 1)


async def test_scans_on_the_way_back_are_shown_and_never_go_back(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await counter.asked(order_id, 1)
    assert await counter.labels.poll_return(rma) is None
    await counter.labelled(rma)
    at = (await shop.row("SELECT now() AS now")).now
    shop.road.events = (TrackingEvent("e1", TrackingStatus.IN_TRANSIT, at, "on its way"),)
    for _ in range(2):
        assert await counter.labels.poll_return(rma) == "in_transit"
    assert (await counter.row(rma)).tracking_status == "in_transit"
    assert (await shop.story(order_id)).count("ReturnTracked") == 1
    await counter.ended(rma, 1)


async def test_a_carriers_messages_of_what_comes_back_are_read_together(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await counter.asked(order_id, 1)
    await counter.labelled(rma)
    label = await shop.row("SELECT tracker_id FROM labels WHERE rma = :r", r=rma)
    scans = [
        {"status": status, "datetime": f"2026-01-05T1{n}:00:00Z"}
        for n, status in enumerate(("in_transit", "out_for_delivery"))
    ]
    said = [
        {
            "id": f"evt_{rma}_{upto}",
            "description": "tracker.updated",
            "result": {
                "id": label.tracker_id, "tracking_code": "T", "status": "in_transit",
                "tracking_details": scans[:upto],
            },
        }
        for upto in (2, 1)
    ]  # fmt: skip
    async with shop.engine.begin() as tx:
        for each in said:
            await commit_webhook(tx, "easypost", each["id"], each)
    kept = await shop.rows("SELECT inbox_id FROM inbox WHERE external_id LIKE :e", e=f"evt_{rma}_%")
    for _ in range(2):
        async with shop.engine.begin() as tx:
            assert await carrier_news(tx, said, [row.inbox_id for row in kept]) is None
    assert (await counter.row(rma)).tracking_status == "out_for_delivery"
    assert (await shop.story(order_id)).count("ReturnTracked") == 1
    states = await shop.rows("SELECT state FROM inbox WHERE external_id LIKE :e", e=f"evt_{rma}_%")
    assert [row.state for row in states] == ["handled", "handled"]
    await counter.ended(rma, 1)
