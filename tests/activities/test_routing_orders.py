"""A held order is divided among locations once: its units, its money, its promise."""

import pytest

from activities.connectors.errors import Rejected
from activities.fulfillment import Advance
from activities.payments import Taken
from activities.reserving import Reserved
from activities.routing import Routed
from activities.setting_up import upsert_catalog
from tests.activities.shop import HOUR_S, SETUP, Shop, at_once, card, paid
from tests.closing_days import closed_for


async def shares(shop: Shop, order_id: str) -> list[tuple[int, int, int, str | None]]:
    found = await shop.rows(
        "SELECT f.number, s.tender_no, s.amount_minor, s.authorization_key "
        "FROM fulfillment_shares s JOIN fulfillments f USING (fulfillment_id) "
        "WHERE f.order_id = :o ORDER BY 1, 2",
        o=order_id,
    )
    return [tuple(share) for share in found]


async def test_one_location_that_has_all_ships_all(shop: Shop) -> None:
    sku = await shop.sku(east=5, west=5)
    (part,) = await shop.routed((sku, 3))
    assert (part.location, part.lines, part.state) == ("west", ((1, 3),), "open")
    assert (part.cards, part.unauthorized) == ((1,), ())
    assert await shop.level(sku) == (10, 3, 0)


async def test_units_no_location_has_alone_are_split(shop: Shop) -> None:
    sku = await shop.sku(east=4, west=3)
    first, second = await shop.routed((sku, 5))
    assert [(p.location, p.lines) for p in (first, second)] == [
        ("west", ((1, 3),)),
        ("east", ((1, 2),)),
    ]
    levels = await shop.rows(
        "SELECT location, reserved FROM location_levels WHERE sku = :s ORDER BY 1", s=sku
    )
    assert [tuple(level) for level in levels] == [("east", 2), ("west", 3)]


async def test_a_cards_further_share_is_authorized_by_itself(shop: Shop) -> None:
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    first, second = await shop.routed((east, 1), (west, 1), tenders=[card(2_000)])
    order_id = first.fulfillment_id.rpartition("-f")[0]
    assert (first.unauthorized, second.unauthorized) == ((), (1,))
    assert await shares(shop, order_id) == [
        (1, 1, 1_000, f"{order_id}:t1:authorize:1"),
        (2, 1, 1_000, None),
    ]
    assert await shop.take(order_id, 1, fulfillment_number=2) == Taken("held")
    key = f"{order_id}:f2.t1:authorize:1"
    assert shop.bank.keys[-1] == key
    assert shop.bank.payments[f"pay_{key}"].amount_minor == 1_000
    assert (await shares(shop, order_id))[1] == (2, 1, 1_000, key)
    assert [part.unauthorized for part in (await shop.route(order_id)).plan] == [(), ()]


async def test_a_share_that_was_declined_is_authorized_when_tried_anew(shop: Shop) -> None:
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    first, _ = await shop.routed((east, 1), (west, 1), tenders=[card(2_000)])
    order_id = first.fulfillment_id.rpartition("-f")[0]
    shop.bank.faults.before = [Rejected("bank", "over the limit", "payment_declined")]
    assert (await shop.take(order_id, 1, fulfillment_number=2)).state == "declined"
    assert await shop.take(order_id, 1, fulfillment_number=2, attempt=2) == Taken("held")
    assert (await shares(shop, order_id))[1][3] == f"{order_id}:f2.t1:authorize:2"


async def test_money_already_taken_serves_every_parcel(shop: Shop) -> None:
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    plan = await shop.routed((east, 1), (west, 1), tenders=[paid("debit", 2_000)])
    assert [(part.cards, part.unauthorized) for part in plan] == [((), ()), ((), ())]


async def test_two_tenders_pay_two_parcels_to_the_cent(shop: Shop) -> None:
    east, west = await shop.sku(east=2), await shop.sku(west=1)
    charges = [{"kind": "shipping", "amount_minor": 101}]
    code = await shop.credit(1_500)
    tenders = [card(1_601), paid("store_credit", 1_500, code)]
    plan = await shop.routed((east, 2), (west, 1), tenders=tenders, charges=charges)
    order_id = plan[0].fulfillment_id.rpartition("-f")[0]
    found = await shares(shop, order_id)
    assert sum(amount for _, tender, amount, _ in found if tender == 1) == 1_601
    assert sum(amount for _, tender, amount, _ in found if tender == 2) == 1_500
    worth = await shop.rows(
        "SELECT share_minor FROM fulfillments WHERE order_id = :o ORDER BY number", o=order_id
    )
    assert sorted(part.share_minor for part in worth) == [1_034, 2_067]


async def test_routed_again_or_at_once_the_plan_is_the_same(shop: Shop) -> None:
    sku = await shop.sku(east=4, west=4)
    order_id = await shop.admitted((sku, 6))
    await shop.reserve(order_id)
    answers = await at_once(6, lambda _: shop.route(order_id))
    answers.append(await shop.route(order_id))
    assert answers == [answers[0]] * 7
    assert await shop.level(sku) == (8, 6, 0)
    assert (await shop.story(order_id)).count("OrderConfirmed") == 1
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert order.promise_by == answers[0].promise_by == order.next_deadline


async def test_an_order_whose_hold_expired_is_not_routed(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(east=1), 1))
    await shop.reserve(order_id, expires_s=-1.0)
    await shop.holding.expire_reservations()
    assert await shop.route(order_id) == Routed(unreserved=True)


@pytest.mark.parametrize("flag", ["active", "ships"])
async def test_goods_of_a_closed_location_cannot_be_routed_and_stay_held(
    shop: Shop, flag: str
) -> None:
    sku = await shop.sku(east=2)
    order_id = await shop.admitted((sku, 2))
    await shop.reserve(order_id)
    await shop.change(f"UPDATE locations SET {flag} = false WHERE location = 'east'")
    try:
        routed = await shop.route(order_id)
    finally:
        await shop.change(f"UPDATE locations SET {flag} = true WHERE location = 'east'")
    assert routed.plan == ()
    assert f"'{sku}': 2" in (routed.unroutable or "")
    assert await shop.level(sku) == (2, 0, 2)


async def test_an_order_that_would_wait_in_a_pool_without_a_location_is_a_persons(
    shop: Shop,
) -> None:
    pool = f"void{shop.prefix}"
    channel = SETUP["channels"][0] | {  # type: ignore[operator]
        "channel": pool, "pool": pool, "on_out_of_stock": "backorder"
    }  # fmt: skip
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"pools": [pool], "channels": [channel]})
    sku = await shop.sku()
    order_id = await shop.admitted((sku, 2), channel=pool)
    assert await shop.reserve(order_id) == Reserved()
    assert (await shop.take(order_id)).state == "held"
    assert await shop.route(order_id) == Routed(unroutable=f"no location has {{'{sku}': 2}}")
    await shop.close(order_id, "cancelled")
    assert await shop.money_events(order_id) == [("authorized", 2_000), ("voided", 2_000)]


async def test_a_routed_order_given_up_before_its_parts_begin_gives_everything_back(
    shop: Shop,
) -> None:
    sku = await shop.sku(east=2, west=2)
    plan = await shop.routed((sku, 4))
    order_id = plan[0].fulfillment_id.rpartition("-f")[0]
    await at_once(3, lambda _: shop.holding.release_stock(order_id))
    assert await shop.level(sku) == (4, 0, 0)
    assert (await shop.story(order_id)).count("FulfillmentCancelled") == 2
    await shop.close(order_id, "cancelled")


@pytest.mark.parametrize("count", [2, 9])
async def test_locations_are_not_oversold_by_orders_routed_at_once(shop: Shop, count: int) -> None:
    sku = await shop.sku(east=count, west=count)
    placed = [await shop.admitted((sku, 2)) for _ in range(count)]
    for order_id in placed:
        assert (await shop.reserve(order_id, HOUR_S)).short == ()
    answers = await at_once(count, lambda number: shop.route(placed[number]))
    assert all(routed.plan for routed in answers)
    assert await shop.level(sku) == (2 * count, 2 * count, 0)


async def test_a_location_that_is_closed_has_its_working_days(shop: Shop) -> None:
    expected_s = pytest.approx(3 * 24 * HOUR_S + HOUR_S, abs=60)
    sku = await shop.sku(east=5)
    async with closed_for(shop.engine, "east", days=3):
        (part,) = await shop.routed((sku, 2))
        pack = Advance(part.fulfillment_id, "picked", "test", "pack", HOUR_S)
        assert (part.due_s, await shop.fulfillment.advance(pack)) == (expected_s, expected_s)
    (order,) = await shop.rows(
        "SELECT promise_from - admitted_at AS road FROM orders WHERE order_id = :o",
        o=part.fulfillment_id.rpartition("-f")[0],
    )
    assert order.road.days >= 3
