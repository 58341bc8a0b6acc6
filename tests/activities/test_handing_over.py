"""Hand-over and cancellation meet at one row, and one of them wins."""

from collections.abc import Awaitable
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.changing import ApplyChange, ChangingActivities
from activities.fulfillment import EVENTS, Advance, Cancellable, HandOver
from activities.routing import Planned
from db.inbox.changes import confirm
from domain.changing import Wish
from tests.activities.shop import HOUR_S, Shop, at_once, share


async def two_parcels(shop: Shop) -> tuple[str, tuple[Planned, ...]]:
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    tenders = [{"kind": "debit", "amount_minor": 2_000, "reference": "pm"}]
    plan = await shop.routed((east, 1), (west, 1), tenders=tenders)
    return plan[0].fulfillment_id.rpartition("-f")[0], plan


async def state(shop: Shop, part: str) -> str:
    found = await shop.row("SELECT state FROM fulfillments WHERE fulfillment_id = :f", f=part)
    return str(found.state)


async def test_cancelling_and_handing_over_at_once_is_decided_once(shop: Shop) -> None:
    """Ten times, because a race that is lost one time in ten is still lost."""
    for _ in range(10):
        (planned,) = await shop.routed((await shop.sku(east=1), 1))
        part = planned.fulfillment_id
        order_id = part.rpartition("-f")[0]
        await shop.advance(part, "picked", "packed")

        def race(number: int, part: str = part, order_id: str = order_id) -> Awaitable[Any]:
            if number % 2:
                return shop.fulfillment.begin_hand_over(HandOver(part, HOUR_S))
            return shop.fulfillment.request_cancellation(order_id)

        answers = await at_once(6, race)
        leaving, found = set(answers[1::2]), answers[::2]
        assert len(leaving) == 1
        if leaving == {True}:
            assert found == [Cancellable(gone=(1,))] * 3
        else:
            assert found == [Cancellable(stopping=(1,))] * 3
        assert await state(shop, part) == ("handing_over" if leaving == {True} else "packed")


async def test_only_the_parcels_still_here_can_be_stopped(shop: Shop) -> None:
    order_id, (first, second) = await two_parcels(shop)
    await shop.shipped(first)
    for _ in range(2):
        assert await shop.fulfillment.request_cancellation(order_id) == Cancellable((2,), (1,))
    assert not await shop.fulfillment.cancel_fulfillment(first.fulfillment_id)
    assert await shop.fulfillment.cancel_fulfillment(second.fulfillment_id)
    assert await shop.fulfillment.request_cancellation(order_id) == Cancellable((), (1,))
    assert not await shop.fulfillment.begin_hand_over(HandOver(second.fulfillment_id, HOUR_S))


async def test_stock_leaves_once_however_often_the_parcel_is_handed_over(shop: Shop) -> None:
    sku = await shop.sku(east=5)
    (planned,) = await shop.routed((sku, 2))
    part = planned.fulfillment_id
    await shop.labelled(part)
    to = HandOver(part, HOUR_S)
    assert await at_once(3, lambda _: shop.fulfillment.begin_hand_over(to)) == [True] * 3
    await shop.money.capture(share(planned))
    await at_once(4, lambda _: shop.fulfillment.hand_over(to))
    assert await shop.level(sku) == (3, 0, 0)
    assert await shop.fulfillment.begin_hand_over(to)
    order_id = part.rpartition("-f")[0]
    assert (await shop.story(order_id)).count("HandedOver") == 1
    line = await shop.row("SELECT * FROM order_lines WHERE order_id = :o", o=order_id)
    assert (line.shipped, line.cancelled) == (2, 0)


async def test_units_come_back_once_however_often_the_parcel_is_cancelled(shop: Shop) -> None:
    sku = await shop.sku(east=5)
    (planned,) = await shop.routed((sku, 2))
    part = planned.fulfillment_id
    answers = await at_once(6, lambda _: shop.fulfillment.cancel_fulfillment(part))
    assert answers == [True] * 6
    assert await shop.level(sku) == (5, 0, 0)
    assert (await shop.story(part.rpartition("-f")[0])).count("FulfillmentCancelled") == 1


@pytest.mark.parametrize("skipped", ["packed", "handing_over", "handed_over", "delivered", "lost"])
async def test_no_step_is_skipped(shop: Shop, skipped: str) -> None:
    (planned,) = await shop.routed((await shop.sku(east=1), 1))
    part = planned.fulfillment_id
    if skipped == "handing_over":
        assert not await shop.fulfillment.begin_hand_over(HandOver(part, HOUR_S))
    elif skipped == "handed_over":
        await shop.fulfillment.hand_over(HandOver(part, HOUR_S))
    else:
        await shop.advance(part, skipped)
    assert await state(shop, part) == "open"


async def test_steps_told_twice_are_told_once_in_the_story(shop: Shop) -> None:
    (planned,) = await shop.routed((await shop.sku(east=1), 1))
    part = planned.fulfillment_id
    await shop.advance(part, "picked", "picked", "packed", "picked")
    assert await state(shop, part) == "packed"
    story = await shop.story(part.rpartition("-f")[0])
    assert (story.count("Picked"), story.count("Packed")) == (1, 1)


async def test_the_customer_and_the_channel_are_told_of_the_parcel_once(shop: Shop) -> None:
    lines = [{"sku": await shop.sku(east=1), "quantity": 1, "unit_price_minor": 1_000,
              "external_line_id": "gid://line/7"}]  # fmt: skip
    (planned,) = await shop.routed((lines[0]["sku"], 1), channel="mall", lines=lines)
    await shop.shipped(planned)
    await shop.fulfillment.hand_over(HandOver(planned.fulfillment_id, HOUR_S))
    order_id = planned.fulfillment_id.rpartition("-f")[0]
    posted = await shop.rows(
        "SELECT key, payload FROM outbox WHERE order_id = :o AND key LIKE :part ORDER BY kind",
        o=order_id,
        part="%:f1%",
    )
    assert [message.key for message in posted] == [
        f"{order_id}:f1:tracking",
        f"{order_id}:shipped:f1",
    ]
    assert posted[0].payload["lines"] == [["gid://line/7", 1]]
    assert posted[0].payload["tracking_number"] == posted[1].payload["facts"]["tracking"]


@pytest.mark.parametrize(("before", "reported"), [((), "picked"), (("picked",), "packed")])
async def test_a_report_is_of_the_units_that_are_wanted_in_that_moment(
    shop: Shop, before: tuple[str, ...], reported: str
) -> None:
    """A unit was cancelled, and the parcel's run lets the report of all three pass."""
    sku = await shop.sku(east=5)
    (planned,) = await shop.routed((sku, 3))
    part = planned.fulfillment_id
    order_id = part.rpartition("-f")[0]
    await shop.advance(part, *before)
    async with shop.engine.begin() as tx:
        number = await confirm(tx, order_id, [Wish("cancel_units", line_no=1, quantity=1)], "test")
    changing = ChangingActivities(shop.engine)
    assert (await changing.apply_change(ApplyChange(order_id, number, HOUR_S))).state == "applied"
    stood = await state(shop, part)

    async def report(units: int) -> None:
        to = Advance(part, reported, "test", "next", HOUR_S, ((1, units),))
        await shop.fulfillment.advance(to)

    with pytest.raises(ApplicationError) as refused:
        await report(3)
    assert refused.value.type == "WrongQuantities"
    assert await state(shop, part) == stood
    assert EVENTS[reported] not in await shop.story(order_id)
    await report(2)
    await report(3)  # told again, nothing changes
    assert await state(shop, part) == reported
    assert await shop.level(sku) == (5, 2, 0)


async def test_a_short_pick_of_more_than_is_wanted_by_now_is_refused(shop: Shop) -> None:
    (planned,) = await shop.routed((await shop.sku(east=5), 3))
    order_id = planned.fulfillment_id.rpartition("-f")[0]
    async with shop.engine.begin() as tx:
        number = await confirm(tx, order_id, [Wish("cancel_units", line_no=1, quantity=2)], "test")
    await ChangingActivities(shop.engine).apply_change(ApplyChange(order_id, number, HOUR_S))
    with pytest.raises(ApplicationError) as refused:
        await shop.lacks(planned, "damaged", (1, 2))
    assert refused.value.type == "WrongQuantities"
