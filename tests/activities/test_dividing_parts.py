"""What a location lacks goes elsewhere, waits or is cancelled; units and money stay exact."""

from typing import Any

import pytest

from activities.fulfillment import HandOver
from activities.payments import Taken
from activities.routing import Planned
from tests.activities.shop import HOUR_S, Shop, at_once, card, paid


def order_of(part: Planned) -> str:
    return part.fulfillment_id.rpartition("-f")[0]


async def parts(shop: Shop, order_id: str) -> list[tuple[Any, ...]]:
    """Each part's location, state, units and share."""
    found = await shop.rows(
        "SELECT location, state, share_minor, (SELECT coalesce(sum(quantity), 0)::int"
        " FROM fulfillment_lines l WHERE l.fulfillment_id = f.fulfillment_id) AS units"
        " FROM fulfillments f WHERE order_id = :o ORDER BY number",
        o=order_id,
    )
    return [(part.location, part.state, part.units, part.share_minor) for part in found]


async def here(shop: Shop, location: str, sku: str) -> tuple[int, int]:
    found = await shop.row(
        "SELECT on_hand, reserved FROM location_levels WHERE location = :l AND sku = :s",
        l=location,
        s=sku,
    )
    return found.on_hand, found.reserved


async def test_what_one_location_lacks_another_ships(shop: Shop) -> None:
    sku = await shop.sku(west=3, east=5)
    (part,) = await shop.routed((sku, 3))
    left = await shop.lacks(part, "damaged", (1, 1))
    assert (left.state, left.lines, left.cards) == ("picked", ((1, 1),), (1,))
    assert await parts(shop, order_of(part)) == [
        ("west", "picked", 1, 1_000),
        ("east", "open", 2, 2_000),
    ]
    assert await here(shop, "west", sku) == (1, 1)
    assert await here(shop, "east", sku) == (5, 2)
    assert "ShortPicked" in await shop.story(order_of(part))


async def test_a_repeated_report_changes_nothing_and_answers_the_same(shop: Shop) -> None:
    sku = await shop.sku(west=3, east=5)
    (part,) = await shop.routed((sku, 3))
    answers = await at_once(4, lambda _: shop.lacks(part, "not_found", (1, 2)))
    assert len(set(answers)) == 1
    assert answers[0].lines == ((1, 2),)
    assert len(await parts(shop, order_of(part))) == 2


async def test_a_moved_share_of_a_card_is_authorized_by_itself(shop: Shop) -> None:
    sku = await shop.sku(west=2, east=2)
    (part,) = await shop.routed((sku, 2))
    await shop.lacks(part, "damaged", (1, 1))
    first, second = (await shop.route(order_of(part))).plan
    assert (first.unauthorized, second.unauthorized) == ((), (1,))
    taken = await shop.take(order_of(part), fulfillment_number=2)
    assert taken == Taken("held")
    await shop.advance(part.fulfillment_id, "packed")
    await shop.shipping.create_shipment(part.fulfillment_id)
    await shop.shipping.buy_label(part.fulfillment_id)


async def test_a_rejected_part_hands_its_authorization_on(shop: Shop) -> None:
    sku = await shop.sku(west=2, east=2)
    (part,) = await shop.routed((sku, 2), tenders=[card(2_000)])
    left = await shop.lacks(part, "closed")
    assert (left.state, left.lines, left.cards) == ("cancelled", (), ())
    _, second = (await shop.route(order_of(part))).plan
    assert (second.cards, second.unauthorized) == ((1,), ())
    await shop.shipped(second)
    await shop.advance(second.fulfillment_id, "delivered")
    await shop.close(order_of(part), "delivered")
    assert await shop.money_events(order_of(part)) == [("authorized", 2_000), ("captured", 2_000)]
    assert await here(shop, "west", sku) == (2, 0), "a closed location keeps its units"


async def test_a_missing_sku_is_written_off_and_counted_once(shop: Shop) -> None:
    sku = await shop.sku(west=5, east=9)
    (first,), (second,) = await shop.routed((sku, 2)), await shop.routed((sku, 1))
    await shop.lacks(first, "not_found", (1, 1))
    assert await here(shop, "west", sku) == (2, 2), "what others hold is theirs to miss"
    await shop.lacks(second, "not_found")
    assert await here(shop, "west", sku) == (1, 1)
    tasks = await shop.rows("SELECT location, state FROM count_tasks WHERE sku = :s", s=sku)
    assert [tuple(task) for task in tasks] == [("west", "open")]


async def test_no_write_off_takes_what_is_held_against_the_pool(shop: Shop) -> None:
    sku = await shop.sku(west=5)
    (part,) = await shop.routed((sku, 1))
    waiting = await shop.admitted((sku, 4))
    assert (await shop.reserve(waiting)).short == ()
    await shop.lacks(part, "not_found")
    assert await shop.level(sku) == (4, 0, 4)
    assert (await parts(shop, order_of(part)))[1][1] == "backordered"


async def test_what_nobody_has_waits_and_the_customer_is_told_once(shop: Shop) -> None:
    sku = await shop.sku(west=2)
    (part,) = await shop.routed((sku, 2))
    for _ in range(2):
        await shop.lacks(part, "damaged", (1, 1))
    assert await parts(shop, order_of(part)) == [
        ("west", "picked", 1, 1_000),
        ("west", "backordered", 1, 1_000),
    ]
    mails = await shop.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_of(part))
    assert [mail.key for mail in mails if "backordered" in mail.key] == [
        f"{order_of(part)}:backordered:f2"
    ]
    assert (await shop.story(order_of(part))).count("Backordered") == 1


async def test_where_nothing_waits_the_missing_units_are_cancelled_and_refunded(
    shop: Shop,
) -> None:
    sku = await shop.sku(west=3)
    (part,) = await shop.routed((sku, 3), channel="thrifty", tenders=[paid("debit", 3_000)])
    left = await shop.lacks(part, "damaged", (1, 2))
    await shop.advance(part.fulfillment_id, "packed")
    await shop.shipping.create_shipment(part.fulfillment_id)
    await shop.shipping.buy_label(part.fulfillment_id)
    assert left.lines == ((1, 2),)
    await _leave(shop, part)
    await shop.advance(part.fulfillment_id, "delivered")
    await shop.close(order_of(part), "delivered")
    assert await shop.money_events(order_of(part)) == [("captured", 3_000), ("refunded", 1_000)]
    line = await shop.row("SELECT * FROM order_lines WHERE order_id = :o", o=order_of(part))
    assert (line.quantity, line.shipped, line.cancelled) == (3, 2, 1)
    mails = await shop.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_of(part))
    assert f"{order_of(part)}:partly_cancelled" in {mail.key for mail in mails}


async def _leave(shop: Shop, part: Planned) -> None:
    to = HandOver(part.fulfillment_id, HOUR_S)
    assert await shop.fulfillment.begin_hand_over(to)
    await shop.fulfillment.hand_over(to)


async def test_a_short_pick_and_a_cancellation_at_once_leave_nothing_behind(shop: Shop) -> None:
    for _ in range(10):
        sku = await shop.sku(west=2, east=2)
        (part,) = await shop.routed((sku, 2))
        order_id = order_of(part)

        async def race(number: int, part: Planned = part, order_id: str = order_id) -> Any:
            if number % 2:
                return await shop.lacks(part, "damaged", (1, 1))
            return await shop.fulfillment.request_cancellation(order_id)

        answers = await at_once(4, race)
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        stopped = await shop.fulfillment.request_cancellation(order_id)
        every = [each.number for each in (await shop.route(order_id)).plan]
        assert (stopped.stopping, stopped.gone) == (tuple(every), ())
        for number in every:
            assert await shop.fulfillment.cancel_fulfillment(f"{order_id}-f{number}")
        await shop.close(order_id, "cancelled")
        assert (await shop.level(sku))[1:] == (0, 0)


@pytest.mark.parametrize("reason", ["damaged", "no_capacity"])
async def test_a_part_may_be_divided_again_and_again(shop: Shop, reason: str) -> None:
    first, second = await shop.sku(west=4, east=3), await shop.sku(west=2)
    (part,) = await shop.routed((first, 4), (second, 2), tenders=[paid("debit", 6_000)])
    await shop.lacks(part, reason, (1, 2), (2, 1))
    _, moved, waiting = (await shop.route(order_of(part))).plan
    assert (moved.location, waiting.state) == ("east", "backordered")
    await shop.lacks(moved, reason, (1, 1))
    await shop.lacks(part, reason)
    found = await parts(shop, order_of(part))
    assert sum(part[2] for part in found) == 6
    assert sum(part[3] for part in found) == 6_000
