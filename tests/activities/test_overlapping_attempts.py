"""A timed-out attempt may still run beside its retry, or wake when all is over: nothing doubles."""

import asyncio
from typing import Any

import pytest

from activities.connectors.carrier.port import Label
from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.connectors.http import CALL_TIMEOUT_S
from activities.connectors.payment.port import AuthorizeCommand, PaymentState, PaymentStatus
from activities.payments import Taken
from activities.reserving import Reserved
from activities.shipping import PURCHASE_OVER_S
from db.stores import stock
from domain.timings import Timings
from tests.activities.doubles import Road
from tests.activities.shop import Shop, at_once, share


class SlowRoad(Road):
    """Sells nothing before it is told to, like a vendor whose carrier takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def buy_label(self, vendor_shipment_id: str, rate_id: str) -> Label:
        self.asked.set()
        await self.go_on.wait()
        return await super().buy_label(vendor_shipment_id, rate_id)


@pytest.fixture
def road() -> SlowRoad:
    return SlowRoad()


@pytest.fixture
def slow_shop(shop: Shop, road: SlowRoad) -> Shop:
    shop.road = road
    shop.__post_init__()
    return shop


async def packed(shop: Shop) -> str:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    await shop.advance(part.fulfillment_id, "picked", "packed")
    await shop.shipping.create_shipment(part.fulfillment_id)
    return part.fulfillment_id


# -- money


async def test_an_attempt_that_wakes_after_the_end_takes_no_money(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    await shop.close(order_id, "cancelled")
    assert await shop.take(order_id) == Taken("voided")
    assert shop.bank.keys == []
    assert await shop.money_events(order_id) == []


async def test_takers_and_the_end_at_once_leave_no_money_held(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))

    async def act(number: int) -> Any:
        return await (shop.take(order_id) if number % 2 else shop.close(order_id, "cancelled"))

    await at_once(8, act)
    while dues := (await shop.closing.money_due(order_id)).dues:
        for due in dues:
            await (
                shop.take(order_id) if due.operation == "finish" else shop.settlement.give_back(due)
            )
    await shop.close(order_id, "cancelled")
    held = [payment.status for payment in shop.bank.payments.values()]
    assert set(held) <= {PaymentStatus.VOIDED}


async def test_a_capture_nobody_heard_of_is_written_down_and_refunded(shop: Shop) -> None:
    """Its answer was lost, and a person gave the parcel up."""
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    order_id = share(part).order_id
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.money.capture(share(part))
    assert await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)
    await shop.close(order_id, "cancelled")
    assert await shop.money_events(order_id) == [
        ("authorized", 1_000),
        ("captured", 1_000),
        ("declined", 1_000),  # the void
        ("refunded", 1_000),
    ]
    assert list(shop.bank.refunded.values()) == [1_000]


async def test_a_capture_that_never_arrived_ends_with_its_void(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    order_id = share(part).order_id
    shop.bank.faults.before = [OutcomeUnknown("bank", "timed out")]
    with pytest.raises(OutcomeUnknown):
        await shop.money.capture(share(part))
    assert await shop.fulfillment.cancel_fulfillment(part.fulfillment_id)
    await shop.close(order_id, "cancelled")
    left = await shop.rows(
        "SELECT key FROM payment_intents WHERE order_id = :o AND state = 'begun'", o=order_id
    )
    assert left == []
    assert ("voided", 1_000) in await shop.money_events(order_id)


async def test_a_refusal_that_comes_after_anothers_success_undoes_nothing(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    authorize = shop.bank.authorize

    async def overtaken(command: AuthorizeCommand) -> PaymentState:
        shop.bank.authorize = authorize  # type: ignore[method-assign]
        await shop.take(order_id)
        raise Rejected("bank", "too late", "payment_declined")

    shop.bank.authorize = overtaken  # type: ignore[method-assign]
    assert await shop.take(order_id) == Taken("held")
    assert await shop.money_events(order_id) == [("authorized", 1_000)]


def test_a_call_is_over_before_anybody_gives_it_up() -> None:
    assert CALL_TIMEOUT_S < Timings().vendor_attempt_s < PURCHASE_OVER_S


async def test_money_taken_by_somebody_else_is_not_called_voided(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    await shop.take(order_id)
    await shop.bank.capture("dashboard", f"pay_{order_id}:t1:authorize:1", 1_000)
    (due,) = (await shop.closing.money_due(order_id)).dues
    with pytest.raises(Rejected, match="already_captured"):
        await shop.settlement.give_back(due)
    assert await shop.money_events(order_id) == [("authorized", 1_000), ("declined", 1_000)]


# -- stock


async def test_an_attempt_that_wakes_after_the_end_holds_no_units(shop: Shop) -> None:
    sku = await shop.sku(east=3)
    order_id = await shop.admitted((sku, 2))
    await shop.close(order_id, "cancelled")
    assert await shop.reserve(order_id) == Reserved()
    assert await shop.level(sku) == (3, 0, 0)


async def test_a_sweep_that_looked_long_ago_leaves_the_new_reservation(shop: Shop) -> None:
    sku = await shop.sku(east=3)
    order_id = await shop.admitted((sku, 2))
    await shop.reserve(order_id)
    async with shop.engine.begin() as tx:
        assert await stock.end_reservation(tx, order_id, "expired") == 0
    assert await shop.level(sku) == (3, 0, 2)


# -- labels


async def test_a_label_is_not_given_up_while_it_is_being_bought(
    slow_shop: Shop, road: SlowRoad
) -> None:
    part = await packed(slow_shop)
    buying = asyncio.create_task(slow_shop.shipping.buy_label(part))
    await road.asked.wait()
    with pytest.raises(OutcomeUnknown):
        await slow_shop.shipping.void_label(part)
    road.go_on.set()
    await buying
    await slow_shop.shipping.void_label(part)
    assert [label.voided for label in road.bought.values()] == [True]


async def test_a_purchase_that_cannot_arrive_any_more_is_over(
    slow_shop: Shop, road: SlowRoad
) -> None:
    part = await packed(slow_shop)
    buying = asyncio.create_task(slow_shop.shipping.buy_label(part))
    await road.asked.wait()
    buying.cancel()
    await slow_shop.change(
        "UPDATE labels SET buying_at = now() - make_interval(secs => :s) WHERE fulfillment_id = :f",
        s=PURCHASE_OVER_S + 1,
        f=part,
    )
    await slow_shop.shipping.void_label(part)
    label = await slow_shop.row("SELECT state FROM labels WHERE fulfillment_id = :f", f=part)
    assert (label.state, road.purchases) == ("voided", 0)
    assert "LabelVoided" not in await slow_shop.story(part.removesuffix("-f1"))


async def test_each_attempt_to_buy_counts_anew_as_on_its_way(
    slow_shop: Shop, road: SlowRoad
) -> None:
    part = await packed(slow_shop)
    first = asyncio.create_task(slow_shop.shipping.buy_label(part))
    await road.asked.wait()
    await slow_shop.change(
        "UPDATE labels SET buying_at = now() - interval '1 hour' WHERE fulfillment_id = :f", f=part
    )
    first.cancel()
    road.asked.clear()
    second = asyncio.create_task(slow_shop.shipping.buy_label(part))
    await road.asked.wait()
    with pytest.raises(OutcomeUnknown):
        await slow_shop.shipping.void_label(part)
    road.go_on.set()
    await second
    await slow_shop.shipping.void_label(part)
    assert (road.purchases, [label.voided for label in road.bought.values()]) == (1, [True])


async def test_a_label_given_up_before_it_was_asked_for_is_never_bought(shop: Shop) -> None:
    part = await packed(shop)
    await shop.shipping.void_label(part)
    with pytest.raises(AssertionError):
        await shop.shipping.buy_label(part)
    assert shop.road.purchases == 0


async def test_buying_and_giving_up_at_once_never_leaves_a_paid_label(shop: Shop) -> None:
    part = await packed(shop)

    async def act(number: int) -> Any:
        what = shop.shipping.buy_label if number % 2 else shop.shipping.void_label
        return await what(part)

    await at_once(6, act)
    await shop.shipping.void_label(part)
    assert all(label.voided for label in shop.road.bought.values())
    labels = await shop.rows("SELECT state FROM labels WHERE fulfillment_id = :f", f=part)
    assert {label.state for label in labels} == {"voided"}
