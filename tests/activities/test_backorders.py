"""What waits for stock is filled in turn, exactly, and never with a unit that another holds."""

from typing import Any

from activities.backorders import Filled
from activities.routing import Planned
from tests.activities.shop import Shop, at_once, paid


def order_of(part: Planned) -> str:
    return part.fulfillment_id.rpartition("-f")[0]


async def backordered(shop: Shop, sku: str, units: int, priority: int = 0) -> str:
    """An order of so many units, all of which its location turns out not to have."""
    waiting = await shop.row(
        "SELECT coalesce(sum(quantity), 0)::int AS units FROM fulfillment_lines"
        " JOIN fulfillments USING (fulfillment_id) WHERE sku = :s AND state = 'backordered'",
        s=sku,
    )
    # Of what came in, those who wait have the first; all of it turns out not to be there.
    await shop.arrived(sku, "west", units + waiting.units)
    (part,) = await shop.routed((sku, units), tenders=[paid("debit", 1_000 * units)])
    await shop.lacks(part, "not_found")
    await shop.change(
        "UPDATE orders SET priority = :p WHERE order_id = :o", p=priority, o=order_of(part)
    )
    return order_of(part)


async def states(shop: Shop, order_id: str) -> list[tuple[Any, ...]]:
    found = await shop.rows(
        "SELECT f.state, f.location, sum(l.quantity)::int, f.share_minor FROM fulfillments f"
        " JOIN fulfillment_lines l USING (fulfillment_id) WHERE order_id = :o"
        " GROUP BY f.fulfillment_id ORDER BY number",
        o=order_id,
    )
    return [tuple(part) for part in found]


async def test_the_urgent_come_first_and_then_the_oldest(shop: Shop) -> None:
    sku = await shop.sku()
    old, new, urgent = [await backordered(shop, sku, 2, priority) for priority in (0, 0, 5)]
    await shop.arrived(sku, "east", 3)
    told = {part.order_id for part in await shop.fill("s1" + sku)}
    assert told & {urgent, old, new} == {urgent, old}
    assert await states(shop, urgent) == [("open", "east", 2, 2_000)]
    assert await states(shop, old) == [
        ("backordered", "west", 1, 1_000),
        ("open", "east", 1, 1_000),
    ]
    assert await states(shop, new) == [("backordered", "west", 2, 2_000)]
    assert await shop.level(sku) == (3, 3, 0)


async def test_what_waits_on_keeps_its_place(shop: Shop) -> None:
    sku = await shop.sku()
    old, new = await backordered(shop, sku, 2), await backordered(shop, sku, 1)
    await shop.arrived(sku, "east", 1)
    await shop.fill("p1" + sku)
    await shop.arrived(sku, "west", 1)
    told = {part.order_id for part in await shop.fill("p2" + sku)}
    assert told & {old, new} == {old}
    assert [part[0] for part in await states(shop, old)] == ["open", "open"]
    assert [part[0] for part in await states(shop, new)] == ["backordered"]


async def test_a_repeated_sweep_answers_the_same(shop: Shop) -> None:
    sku = await shop.sku()
    order_id = await backordered(shop, sku, 1)
    await shop.arrived(sku, "east", 1)
    name = "r" + sku
    answers = await at_once(3, lambda _: shop.fill(name))
    assert all(Filled(order_id, 2) in answer for answer in answers)


async def test_what_a_sweep_did_not_live_to_tell_the_next_tells_until_it_is_picked(
    shop: Shop,
) -> None:
    sku = await shop.sku()
    order_id = await backordered(shop, sku, 1)
    await shop.arrived(sku, "east", 1)
    await shop.fill("dies" + sku)
    assert Filled(order_id, 2) in await shop.fill("next" + sku)
    await shop.change(
        "UPDATE fulfillments SET state = 'picked', picked_at = now()"
        " WHERE order_id = :o AND number = 2",
        o=order_id,
    )
    assert Filled(order_id, 2) not in await shop.fill("last" + sku)


async def test_units_at_two_places_make_two_parcels(shop: Shop) -> None:
    sku = await shop.sku()
    order_id = await backordered(shop, sku, 3)
    await shop.arrived(sku, "east", 2)
    await shop.arrived(sku, "west", 1)
    await shop.fill("t" + sku)
    assert sorted(await states(shop, order_id)) == [
        ("open", "east", 2, 2_000),
        ("open", "west", 1, 1_000),
    ]


async def test_what_buyers_hold_is_left_to_them(shop: Shop) -> None:
    sku = await shop.sku()
    await shop.arrived(sku, "east", 1)
    buyer = await shop.admitted((sku, 1))
    assert (await shop.reserve(buyer)).short == ()
    order_id = await backordered(shop, sku, 1)
    assert await shop.fill("b" + sku) == ()
    assert [part[0] for part in await states(shop, order_id)] == ["backordered"]


async def test_what_is_to_be_cancelled_is_not_filled(shop: Shop) -> None:
    sku = await shop.sku()
    order_id = await backordered(shop, sku, 1)
    found = await shop.fulfillment.request_cancellation(order_id)
    assert found.stopping == (2,)
    await shop.arrived(sku, "east", 1)
    assert await shop.fill("c" + sku) == ()
    assert await shop.fulfillment.cancel_fulfillment(f"{order_id}-f2")
    await shop.close(order_id, "cancelled")
    assert await shop.money_events(order_id) == [("captured", 1_000), ("refunded", 1_000)]


async def test_filling_and_cancelling_at_once_leave_no_unit_held(shop: Shop) -> None:
    sku = await shop.sku()
    for number in range(6):
        order_id = await backordered(shop, sku, 2)
        await shop.arrived(sku, "east", 2)
        name = f"{sku}:{number}"

        async def race(turn: int, order_id: str = order_id, name: str = name) -> Any:
            if turn % 2:
                return await shop.fill(name)
            return await shop.fulfillment.request_cancellation(order_id)

        assert not [each for each in await at_once(4, race) if isinstance(each, Exception)]
        for part in (await shop.route(order_id)).plan:
            assert await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)
        await shop.close(order_id, "cancelled")
        assert (await shop.level(sku))[1:] == (0, 0)
        await _sell_out(shop, sku)


async def _sell_out(shop: Shop, sku: str) -> None:
    (part,) = await shop.routed((sku, (await shop.level(sku))[0]))
    await shop.shipped(part)
