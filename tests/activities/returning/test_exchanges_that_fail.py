"""An exchange that cannot be sent, or must not be, gives back its goods' worth exactly once."""

from typing import Any

import pytest

from activities.payments import Take
from activities.returning.settling import Settle
from db.inbox.returns import NewLine
from db.stores import returns
from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop

PAYS = {"resolution": "exchange", "payment_reference": "pm_card"}


async def two_bought(shop: Shop, counter: Counter) -> str:
    return await counter.delivered((await shop.sku(west=2), 2))


async def asked(counter: Counter, order_id: str, sku: str, total_minor: int, **changes: Any) -> str:
    return await counter.asked(
        order_id, 1, instead=(NewLine(sku, 1, total_minor),), **(PAYS | changes)
    )


async def settled(counter: Counter, rma: str, accepted: int, rejected: int) -> None:
    await counter.came(rma, accepted + rejected)
    found = [(1, "restock", accepted, True), (1, "scrap", rejected, False)]
    await counter.found(rma, *(each for each in found if each[2]))
    await counter.settling.settle_return(Settle(rma))


@pytest.mark.parametrize("why", ["short", "declined"])
async def test_what_could_not_be_sent_ahead_is_refunded_once(
    shop: Shop, counter: Counter, why: str
) -> None:
    order_id = await two_bought(shop, counter)
    new = await shop.sku(**({"west": 1} if why == "declined" else {}))
    rma = await asked(counter, order_id, new, 1_000, advance=True)
    plan = await counter.planned(rma)
    if why == "short":
        assert plan.problem == "short"
    else:
        assert await shop.fulfillment.cancel_fulfillment(plan.fulfillment_id)
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    closed = await counter.row(rma)
    assert (closed.outcome, closed.refund_minor) == ("refunded", 1_000)
    assert list(shop.bank.refunded.values()) == [1_000]


async def test_goods_that_come_while_nothing_can_be_sent_are_refunded_once(
    shop: Shop, counter: Counter
) -> None:
    order_id = await two_bought(shop, counter)
    rma = await asked(counter, order_id, await shop.sku(), 1_000, advance=True)
    assert (await counter.planned(rma)).problem == "short"
    await counter.came(rma, 1)
    assert (await counter.planned(rma)).problem == "unpaid"
    await counter.exchange.end_exchange(rma)
    await settled(counter, rma, 1, 0)
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    assert list(shop.bank.refunded.values()) == [1_000]


async def test_a_run_started_anew_does_not_send_what_was_given_up(
    shop: Shop, counter: Counter
) -> None:
    order_id, new = await two_bought(shop, counter), await shop.sku()
    rma = await asked(counter, order_id, new, 1_000, advance=True)
    await counter.planned(rma)
    await counter.exchange.end_exchange(rma)
    await shop.arrived(new, "west", 1)
    opened = await counter.authorization.open_return(rma)
    assert (opened.advance, opened.has_parcel) == (False, False)
    assert (await counter.planned(rma)).problem == "unpaid"
    assert await shop.level(new) == (1, 0, 0)
    await counter.ended(rma, 1)


async def test_a_run_started_anew_does_not_hold_again_what_is_held(
    shop: Shop, counter: Counter
) -> None:
    order_id = await two_bought(shop, counter)
    rma = await asked(counter, order_id, await shop.sku(west=1), 1_000, advance=True)
    plan = await counter.planned(rma)
    taken = await shop.money.take(Take(order_id, plan.security, attempt=2))
    assert (taken.state, (await counter.planned(rma)).security) == ("held", None)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await settled(counter, rma, 1, 0)
    await counter.exchange.end_exchange(rma)
    for due in (await counter.settling.money_owed(rma)).dues:
        await shop.settlement.give_back(due)
    await counter.settling.close_return(rma)


async def test_nothing_is_sent_or_charged_for_goods_that_were_rejected(
    shop: Shop, counter: Counter
) -> None:
    order_id, new = await two_bought(shop, counter), await shop.sku(west=1)
    rma = await asked(counter, order_id, new, 1_000)
    await settled(counter, rma, 0, 1)
    assert (await counter.planned(rma)).problem == "unpaid"
    await counter.exchange.end_exchange(rma)
    assert (await counter.settling.close_return(rma)).outcome == "rejected"
    assert (await counter.row(rma)).refund_minor == 0
    assert await shop.level(new) == (1, 0, 0)
    assert len(shop.bank.payments) == 1


@pytest.mark.parametrize(
    ("total_minor", "problem", "given_minor"), [(1_500, "unpaid", 1_000), (400, None, 600)]
)
async def test_more_than_was_agreed_is_never_charged(
    shop: Shop, counter: Counter, total_minor: int, problem: str | None, given_minor: int
) -> None:
    """Two units were to pay for it, and one was accepted."""
    order_id, new = await two_bought(shop, counter), await shop.sku(west=1)
    rma = await counter.asked(order_id, 2, instead=(NewLine(new, 1, total_minor),), **PAYS)
    await settled(counter, rma, 1, 1)
    plan = await counter.planned(rma)
    assert plan.problem == problem
    if plan.problem is None:
        assert plan.cards == ()
        await shop.shipped(plan)
        await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 2)
    assert list(shop.bank.refunded.values()) == [given_minor]
    assert len(shop.bank.payments) == 1


async def test_what_is_worth_nothing_is_sent_ahead_without_a_security(
    shop: Shop, counter: Counter
) -> None:
    order_id = await two_bought(shop, counter)
    rma = await asked(counter, order_id, await shop.sku(west=1), 0, advance=True)
    plan = await counter.planned(rma)
    assert (plan.problem, plan.security, plan.cards) == (None, None, ())
    assert (await counter.settling.money_owed(rma)).refunds == ()
    assert (await counter.cancelled(rma)).state == "approved"
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    assert (await counter.never_came(rma)).state == "settled"
    await counter.exchange.end_exchange(rma)
    assert await counter.exchange.charge_security(rma) is None
    assert (await counter.settling.close_return(rma)).outcome == "exchanged"


@pytest.mark.parametrize("fate", ["cancelled", "never_arrived"])
async def test_a_parcel_that_was_called_off_keeps_no_return_open(
    shop: Shop, counter: Counter, fate: str
) -> None:
    """Its run gave it up while the goods were waited for."""
    order_id = await two_bought(shop, counter)
    rma = await asked(counter, order_id, await shop.sku(west=1), 1_000, advance=True)
    plan = await counter.planned(rma)
    await shop.take(order_id, plan.security)
    assert await shop.fulfillment.cancel_fulfillment(plan.fulfillment_id)
    end = counter.cancelled if fate == "cancelled" else counter.never_came
    assert (await end(rma)).outcome == fate
    dues = (await counter.settling.money_owed(rma)).dues
    assert [due.operation for due in dues] == ["void"]
    await shop.settlement.give_back(dues[0])


async def test_a_refund_decided_before_leaves_nothing_more_to_refund(
    shop: Shop, counter: Counter
) -> None:
    """As a run from before could leave it: sent ahead, refunded, and still marked so."""
    order_id = await two_bought(shop, counter)
    rma = await asked(counter, order_id, await shop.sku(), 1_000, advance=True)
    async with shop.engine.begin() as tx:
        await returns.refund_instead(tx, rma)
    await shop.change("UPDATE returns SET advance = true WHERE rma = :r", r=rma)
    await counter.ended(rma, 1)
    assert list(shop.bank.refunded.values()) == [1_000]
