"""A parcel has one label, however often the carrier's answer is lost; its scans are kept once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from activities.connectors.carrier.port import Rate
from activities.connectors.errors import NotSent, OutcomeUnknown, Rejected
from activities.shipping import Shipped, record_tracking
from db.engine import run
from db.inbox import mail_opt_outs
from db.stores import orders
from db.stores.tracking import tracked
from domain.tracking import TrackingEvent, TrackingStatus
from tests.activities.shop import Shop

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


async def packed(shop: Shop, units: int = 1) -> str:
    (part,) = await shop.routed((await shop.sku(east=units), units))
    await shop.advance(part.fulfillment_id, "picked", "packed")
    return part.fulfillment_id


async def labels(shop: Shop, part: str) -> list[str]:
    found = await shop.rows(
        "SELECT label_key, state FROM labels WHERE fulfillment_id = :f ORDER BY label_key", f=part
    )
    return [label.state for label in found]


async def test_a_shipment_is_created_saved_and_bought_once(shop: Shop) -> None:
    part = await packed(shop, units=3)
    for _ in range(2):
        await shop.shipping.create_shipment(part)
    (asked,) = shop.road.created
    assert asked.reference == f"{part.removesuffix('-f1')}:f1:label:1"
    assert (asked.parcel.weight_g, asked.parcel.height_mm) == (50 + 3 * 500, 150)
    assert (asked.ship_from.city, asked.ship_to.city) == ("New York", "San Francisco")
    for _ in range(2):
        assert await shop.shipping.buy_label(part) == Shipped(part, "road")
    assert (shop.road.purchases, await labels(shop, part)) == (1, ["bought"])
    label = await shop.row("SELECT * FROM labels WHERE fulfillment_id = :f", f=part)
    assert (label.rate_id, label.cost_minor, label.cost_currency) == ("slow", 500, "USD")
    assert (await shop.story(part.removesuffix("-f1"))).count("LabelBought") == 1


async def test_a_crash_after_buying_finds_the_label_and_buys_no_second(shop: Shop) -> None:
    part = await packed(shop)
    await shop.shipping.create_shipment(part)
    shop.road.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.shipping.buy_label(part)
    assert await labels(shop, part) == ["buying"]
    await shop.shipping.buy_label(part)
    assert (shop.road.purchases, shop.road.lookups) == (1, 1)
    assert await labels(shop, part) == ["bought"]


async def test_a_crash_before_buying_buys_after_looking(shop: Shop) -> None:
    part = await packed(shop)
    await shop.shipping.create_shipment(part)
    shop.road.faults.before = [NotSent("road", "refused connection")]
    with pytest.raises(NotSent):
        await shop.shipping.buy_label(part)
    await shop.shipping.buy_label(part)
    assert (shop.road.purchases, shop.road.lookups) == (1, 1)


async def test_a_shipment_whose_answer_was_lost_is_created_anew_and_one_is_saved(
    shop: Shop,
) -> None:
    part = await packed(shop)
    shop.road.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.shipping.create_shipment(part)
    await shop.shipping.create_shipment(part)
    await shop.shipping.buy_label(part)
    label = await shop.row("SELECT * FROM labels WHERE fulfillment_id = :f", f=part)
    assert label.vendor_shipment_id.endswith("label:1_2")
    assert len(shop.road.bought) == 1


async def test_a_parcel_nobody_carries_is_refused(shop: Shop) -> None:
    part = await packed(shop)
    shop.road.rates = ()
    with pytest.raises(Rejected) as refused:
        await shop.shipping.create_shipment(part)
    assert refused.value.code == "no_rates"


async def test_the_cheapest_rate_that_is_quick_enough_is_taken(shop: Shop) -> None:
    part = await packed(shop)
    shop.road.rates = (
        Rate("too-slow", "road", "boat", 100, "USD", 30),
        Rate("fine", "road", "ground", 700, "USD", 5),
        Rate("dear", "road", "air", 900, "USD", 1),
    )
    await shop.shipping.create_shipment(part)
    assert (await shop.row("SELECT * FROM labels WHERE fulfillment_id = :f", f=part)).rate_id == (
        "fine"
    )


async def test_a_label_is_voided_once_and_a_second_has_its_own_number(shop: Shop) -> None:
    part = await packed(shop)
    await shop.shipping.create_shipment(part)
    await shop.shipping.buy_label(part)
    for _ in range(2):
        await shop.shipping.void_label(part)
    assert [label.voided for label in shop.road.bought.values()] == [True]
    assert (await shop.story(part.removesuffix("-f1"))).count("LabelVoided") == 1
    await shop.shipping.create_shipment(part)
    await shop.shipping.buy_label(part)
    assert shop.road.created[-1].reference.endswith(":f1:label:2")
    assert await labels(shop, part) == ["voided", "bought"]


async def test_a_label_perhaps_bought_is_looked_for_and_voided(shop: Shop) -> None:
    part = await packed(shop)
    await shop.shipping.create_shipment(part)
    shop.road.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.shipping.buy_label(part)
    await shop.shipping.void_label(part)
    assert [label.voided for label in shop.road.bought.values()] == [True]
    assert await labels(shop, part) == ["voided"]


@pytest.mark.parametrize("is_created", [True, False], ids=["never bought", "never begun"])
async def test_without_a_label_there_is_nothing_to_void(shop: Shop, is_created: object) -> None:
    part = await packed(shop)
    if is_created:
        await shop.shipping.create_shipment(part)
    await shop.shipping.void_label(part)
    assert shop.road.bought == {}


# -- tracking


def scan(name: str, status: TrackingStatus, hours: int) -> TrackingEvent:
    return TrackingEvent(name, status, NOON + timedelta(hours=hours), name)


COURSE = (
    scan("1", TrackingStatus.PENDING, 0),
    scan("2", TrackingStatus.IN_TRANSIT, 5),
    scan("3", TrackingStatus.OUT_FOR_DELIVERY, 40),
    scan("4", TrackingStatus.DELIVERED, 44),
)


async def on_the_road(shop: Shop) -> str:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    await shop.shipped(part)
    return part.fulfillment_id


async def test_polls_keep_each_scan_once_and_tell_each_status_once(shop: Shop) -> None:
    part = await on_the_road(shop)
    seen = []
    for upto in (1, 2, 2, 4, 4):
        shop.road.events = COURSE[:upto]
        seen.append(await shop.shipping.poll_tracking(part))
    assert seen == ["pending", "in_transit", "in_transit", "delivered", "delivered"]
    kept = await shop.rows("SELECT 1 FROM tracking_events WHERE fulfillment_id = :f", f=part)
    assert len(kept) == 4
    assert (await shop.story(part.removesuffix("-f1"))).count("TrackingUpdated") == 3


async def test_the_customer_hears_once_that_the_parcel_comes_today(shop: Shop) -> None:
    part = await on_the_road(shop)
    for upto in (2, 3, 3, 4):
        shop.road.events = COURSE[:upto]
        await shop.shipping.poll_tracking(part)
    (mail,) = await shop.rows(
        "SELECT payload FROM outbox WHERE key LIKE :k", k=f"%{part[:-3]}:out_for_delivery:f1"
    )
    assert mail.payload["facts"]["carrier"] == "road"


async def test_who_wants_no_optional_mail_gets_none(shop: Shop) -> None:
    part = await on_the_road(shop)
    async with shop.engine.begin() as tx:
        assert await mail_opt_outs.stop(tx, part.removesuffix("-f1"))
        assert not await mail_opt_outs.stop(tx, part.removesuffix("-f1"))
    shop.road.events = COURSE
    await shop.shipping.poll_tracking(part)
    await shop.advance(part, "delivered")
    told = await shop.rows(
        "SELECT key FROM outbox WHERE order_id = :o AND kind = 'email'", o=part.removesuffix("-f1")
    )
    assert {row.key.split(":")[1] for row in told} == {"order_confirmed", "shipped"}
    async with shop.engine.begin() as tx:
        assert await mail_opt_outs.resume(tx, part.removesuffix("-f1"))


async def test_scans_that_meet_never_take_a_delivery_back(shop: Shop) -> None:
    """An older scan is being read while the delivery is being written."""
    part = await on_the_road(shop)
    label = await shop.row("SELECT tracker_id FROM labels WHERE fulfillment_id = :f", f=part)
    delivery_is_written = asyncio.Event()

    async def older() -> str:
        async with shop.engine.begin() as tx:
            found = await tracked(tx, label.tracker_id)
            await delivery_is_written.wait()
            return await record_tracking(tx, found, COURSE[1:2])

    async with shop.engine.begin() as tx:
        found = await tracked(tx, label.tracker_id)
        late = asyncio.create_task(older())
        await asyncio.sleep(0.1)  # for it to have read, if it could
        await record_tracking(tx, found, COURSE[3:])
    delivery_is_written.set()
    assert await late == "delivered"
    row = await shop.row("SELECT * FROM fulfillments WHERE fulfillment_id = :f", f=part)
    assert row.tracking_status == "delivered"


async def test_scans_wait_at_the_orders_row_and_read_what_was_written_meanwhile(shop: Shop) -> None:
    """They hold nothing of the parcel until then, which others lock behind its order."""
    part = await on_the_road(shop)
    label = await shop.row("SELECT tracker_id FROM labels WHERE fulfillment_id = :f", f=part)

    async def read() -> str:
        async with shop.engine.begin() as tx:
            found = await tracked(tx, label.tracker_id)
            assert found is not None
            return str(found.tracking_status)

    async with shop.engine.begin() as tx:
        await orders.head(tx, part.removesuffix("-f1"), lock=True)
        reading = asyncio.create_task(read())
        await asyncio.sleep(0.1)  # for it to lock what it could
        await run(tx, "SET LOCAL lock_timeout = '1s'")
        found = await tracked(tx, label.tracker_id)
        await record_tracking(tx, found, COURSE[:3])
    assert await reading == "out_for_delivery"
