"""What is sent instead is planned once, takes from nobody, and is paid for by its own card."""

from typing import Any

from activities.payments import Take
from db.inbox.returns import NewLine
from tests.activities.returning.counter import Counter
from tests.activities.shop import HOUR_S, Shop, at_once

PAYS = {"resolution": "exchange", "payment_reference": "pm_card"}


async def settled(
    counter: Counter, order_id: str, sku: str, total_minor: int, **changes: Any
) -> str:
    instead = (NewLine(sku, 1, total_minor),)
    rma = await counter.asked(order_id, 1, instead=instead, **(PAYS | changes))
    assert await counter.settled(rma, 1) == ()
    return rma


async def test_however_often_it_is_planned_one_parcel_is_sent(shop: Shop, counter: Counter) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    new = await shop.sku(west=3)
    rma = await settled(counter, order_id, new, 1_700)
    plans = await at_once(4, lambda _: counter.planned(rma))
    assert {plan.fulfillment_id for plan in plans} == {f"{order_id}-f2"}
    assert await shop.level(new) == (3, 1, 0)
    (plan,) = set(plans)
    assert (plan.cards, plan.unauthorized) == ((2,), (2,))
    taken = await shop.money.take(Take(order_id, 2, slip_within_s=HOUR_S, fulfillment_number=2))
    assert taken.state == "held"
    assert await shop.fulfillment.cancel_fulfillment(plan.fulfillment_id)
    owed = await counter.exchange.end_exchange(rma)
    assert (owed.refunds, [due.operation for due in owed.dues]) == ((1,), ["void"])
    await shop.settlement.give_back(owed.dues[0])
    await counter.ended(rma, 1)
    closed = await counter.row(rma)
    assert (closed.outcome, closed.refund_minor) == ("refunded", 1_000)
    assert await shop.level(new) == (3, 0, 0)


async def test_units_that_others_hold_are_not_sent(shop: Shop, counter: Counter) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    new = await shop.sku(west=1)
    other = await shop.admitted((new, 1))
    await shop.reserve(other)
    rma = await settled(counter, order_id, new, 1_000)
    assert (await counter.planned(rma)).problem == "short"
    await shop.holding.release_stock(other)
    await shop.close(other, "cancelled")
    plan = await counter.planned(rma)
    assert (plan.problem, plan.cards) == (None, ())
    await shop.labelled(plan.fulfillment_id)
    assert await shop.fulfillment.cancel_fulfillment(plan.fulfillment_id)
    await counter.exchange.end_exchange(rma)
    await shop.shipping.void_label(plan.fulfillment_id)
    await counter.ended(rma, 1)


async def test_what_costs_less_gives_the_rest_back_at_once(shop: Shop, counter: Counter) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    new = await shop.sku(west=1)
    rma = await settled(counter, order_id, new, 300)
    plan = await counter.planned(rma)
    assert (await counter.settling.money_owed(rma)).refunds == (1,)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    assert list(shop.bank.refunded.values()) == [700]
    assert (await counter.row(rma)).outcome == "exchanged"


async def test_the_orders_cancellation_leaves_an_exchange_alone(
    shop: Shop, counter: Counter
) -> None:
    east, west, new = await shop.sku(east=1), await shop.sku(west=1), await shop.sku(west=1)
    first, second = await shop.routed((west, 1), (east, 1))
    await shop.take(first.fulfillment_id.rpartition("-f")[0], 1, fulfillment_number=second.number)
    await shop.shipped(first)
    order_id = first.fulfillment_id.rpartition("-f")[0]
    rma = await settled(counter, order_id, new, 1_000)
    plan = await counter.planned(rma)
    found = await shop.fulfillment.request_cancellation(order_id)
    assert (found.stopping, found.gone) == ((second.number,), (first.number,))
    assert await shop.fulfillment.cancel_fulfillment(second.fulfillment_id)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    await shop.advance(first.fulfillment_id, "delivered")
    await shop.close(order_id, "delivered")


async def test_a_late_attempt_for_a_return_that_is_over_takes_nothing(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=1), 1))
    rma = await settled(counter, order_id, await shop.sku(west=1), 1_500)
    plan = await counter.planned(rma)
    assert await shop.fulfillment.cancel_fulfillment(plan.fulfillment_id)
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    late = await shop.money.take(Take(order_id, 2, fulfillment_number=plan.number))
    assert late.state == "voided"
    assert (await shop.closing.money_due(order_id)).dues == ()


async def test_what_was_retired_is_sent_as_a_replacement_and_not_as_an_exchange(
    shop: Shop, counter: Counter
) -> None:
    sku, new = await shop.sku(west=3), await shop.sku(west=1)
    order_id = await counter.delivered((sku, 2))
    rma = await settled(counter, order_id, new, 1_000)
    again = await counter.asked(order_id, 1, resolution="replacement")
    await counter.settled(again, 1)
    await shop.change("UPDATE products SET active = false WHERE sku IN (:a, :b)", a=sku, b=new)
    assert (await counter.planned(rma)).problem == "short"
    plan = await counter.planned(again)
    assert plan.problem is None
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(again)
    await counter.ended(again, 1)
    assert (await counter.row(rma)).outcome == "refunded"
    assert (await counter.row(again)).outcome == "replaced"
