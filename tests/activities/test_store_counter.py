"""At a store's counter: whoever comes first has it, and what is done is done once."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from activities.collecting import Collect, CollectingActivities, MakeReady
from activities.reserving import Reserve
from activities.routing import Planned
from activities.setting_up import upsert_catalog
from activities.shortage import Shortage
from tests.activities.shop import HOUR_S, SETUP, Shop, at_once, share

STORE: Any = SETUP["locations"][0] | {  # type: ignore[operator]
    "location": "corner", "name": "Corner", "capabilities": ["pickup"]
}  # fmt: skip
TO_CORNER = {"delivery": "pickup", "pickup_location": "corner"}


async def ready(shop: Shop, units: int = 1) -> tuple[CollectingActivities, Planned, str]:
    """A parcel that waits at the counter."""
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"locations": [STORE]})
    sku = await shop.sku(corner=units, east=5)
    (part,) = await shop.routed((sku, 1), **TO_CORNER)
    assert (part.location, part.pickup) == ("corner", True)
    await shop.advance(part.fulfillment_id, "picked", "packed")
    counter = CollectingActivities(shop.engine)
    answers = {await counter.make_ready(MakeReady(part.fulfillment_id, HOUR_S)) for _ in range(2)}
    assert [answer.state for answer in answers] == ["ready_for_pickup"]
    return counter, part, sku


def order_of(part: Planned) -> str:
    return part.fulfillment_id.rpartition("-f")[0]


async def test_collected_and_put_back_at_once_is_one_of_them(shop: Shop) -> None:
    for _ in range(8):
        counter, part, sku = await ready(shop)
        who = Collect(part.fulfillment_id, "test", HOUR_S)

        async def act(number: int, counter: Any = counter, part: Any = part, who: Any = who) -> str:
            if number % 2:
                return str(await counter.begin_collection(who))
            return str(await counter.put_back(part.fulfillment_id))

        [answer] = set(await at_once(6, act))
        story = await shop.story(order_of(part))
        if answer == "handing_over":
            await shop.money.capture(share(part))
            for _ in range(2):
                await counter.hand_out(part.fulfillment_id)
            assert (story.count("Collected"), story.count("NotCollected")) == (1, 0)
            assert (await shop.level(sku))[0] == 5
            await shop.close(order_of(part), "delivered")
        else:
            assert answer == "cancelled"
            assert (story.count("Collected"), story.count("NotCollected")) == (0, 1)
            assert await shop.level(sku) == (6, 0, 0)
            await shop.close(order_of(part), "cancelled")


async def test_a_cancellation_that_came_first_keeps_the_parcel(shop: Shop) -> None:
    counter, part, _ = await ready(shop)
    assert (await shop.fulfillment.request_cancellation(order_of(part))).stopping == (1,)
    who = Collect(part.fulfillment_id, "test", HOUR_S)
    assert await counter.begin_collection(who) == "ready_for_pickup"
    await counter.remind(part.fulfillment_id)
    assert await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)
    assert await counter.begin_collection(who) == "cancelled"
    mails = await shop.rows("SELECT key FROM outbox WHERE key LIKE :k",
                            k=f"{order_of(part)}:pickup_reminder%")  # fmt: skip
    assert mails == []
    await shop.close(order_of(part), "cancelled")


async def test_a_hold_keeps_it_at_the_counter(shop: Shop) -> None:
    counter, part, _ = await ready(shop)
    await shop.change(
        """
        INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,
            placed_by)
        VALUES (:o, 1, 'k', 'fraud_review', '{shipping}', 'fraud', 'release', 'open', now(), 'test')
        """,
        o=order_of(part),
    )
    who = Collect(part.fulfillment_id, "test", HOUR_S)
    assert await counter.begin_collection(who) == "ready_for_pickup"
    assert await counter.put_back(part.fulfillment_id) == "cancelled"
    await shop.close(order_of(part), "cancelled")


async def test_what_is_collected_cannot_have_a_label(shop: Shop) -> None:
    _, part, _ = await ready(shop)
    for is_pickup in (False, True):
        with pytest.raises(IntegrityError):
            await shop.change(
                "INSERT INTO labels (label_key, fulfillment_id, vendor, state, is_pickup)"
                " VALUES ('k', :f, 'easypost', 'begun', :is_pickup)",
                f=part.fulfillment_id,
                is_pickup=is_pickup,
            )


async def test_what_a_carrier_gets_is_never_ready_at_a_counter(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    with pytest.raises(IntegrityError):
        await shop.change(
            "UPDATE fulfillments SET state = 'ready_for_pickup' WHERE fulfillment_id = :f",
            f=part.fulfillment_id,
        )


async def test_two_orders_do_not_count_on_the_same_unit_of_a_store(shop: Shop) -> None:
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"locations": [STORE]})
    sku = await shop.sku(corner=1, east=5)
    first = await shop.admitted((sku, 1), **TO_CORNER)
    second = await shop.admitted((sku, 1), **TO_CORNER)
    assert (await shop.reserve(first)).short == ()
    assert (await shop.holding.reserve(Reserve(second, HOUR_S, HOUR_S))).short == (sku,)


async def test_what_a_store_lacks_after_all_comes_from_nowhere_else(shop: Shop) -> None:
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"locations": [STORE]})
    sku = await shop.sku(corner=2, east=5)
    (part,) = await shop.routed((sku, 2), **TO_CORNER)
    short = Shortage(part.fulfillment_id, "damaged", "test", HOUR_S, HOUR_S, HOUR_S, ((1, 1),))
    await shop.shortage.report_shortage(short)
    found = await shop.rows(
        "SELECT location, state FROM fulfillments WHERE order_id = :o ORDER BY number",
        o=order_of(part),
    )
    assert [tuple(each) for each in found] == [("corner", "picked"), ("corner", "cancelled")]


@pytest.mark.parametrize("location", ["east", "nowhere"])
async def test_only_a_store_of_the_channel_is_collected_from(shop: Shop, location: str) -> None:
    document = shop.document((await shop.sku(east=1), 1)) | TO_CORNER
    order = await shop.commit(document | {"pickup_location": location})
    assert (await shop.admission.admit(order)).problems == (
        "pickup_location: orders of this channel cannot be collected there",
    )


async def test_a_newcomer_does_not_take_what_came_in_for_others(shop: Shop) -> None:
    sku = await shop.sku(east=1)
    (part,) = await shop.routed((sku, 1))
    await shop.lacks(part, "not_found")
    await shop.arrived(sku, "east", 1)
    newcomer = await shop.admitted((sku, 1))
    assert (await shop.reserve(newcomer)).short == (sku,)
    await shop.fill(f"sweep-{shop.prefix}")
    assert (await shop.level(sku))[1] == 1
