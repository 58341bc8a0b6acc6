"""A return's money goes back exactly once, whoever asks, however often, whatever fails."""

import asyncio
from random import Random
from typing import Any

import pytest

from activities.connectors.errors import NotSent, OutcomeUnknown, Rejected
from activities.playbook import PlaybookActivities, WriteOff
from activities.returning.settling import Settle
from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop, at_once, card, paid


async def test_a_refund_is_made_once_under_a_key_of_the_returns_own(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=3), 3))
    rma = await counter.asked(order_id, 1)
    (part,) = await counter.settled(rma, 1)
    await at_once(4, lambda _: counter.refunding.refund_return(part))
    await counter.refunding.refund_return(part)
    assert set(shop.bank.calls("refund")) == {f"{order_id}:r1.1:refund:1"}
    assert list(shop.bank.refunded.values()) == [1_000]
    assert (await shop.money_events(order_id))[-1] == ("refunded", 1_000)
    assert (await counter.settling.close_return(rma)).outcome == "refunded"


@pytest.mark.parametrize("moment", ["after the act", "before the act"])
async def test_a_refund_that_failed_is_repeated_under_its_own_key(
    shop: Shop, counter: Counter, moment: str
) -> None:
    order_id = await counter.delivered((await shop.sku(west=2), 2))
    (part,) = await counter.settled(await counter.asked(order_id, 2), 2)
    if moment == "after the act":
        shop.bank.faults.silent = 1
    else:
        shop.bank.faults.before = [NotSent("bank", "refused connection")]
    with pytest.raises((OutcomeUnknown, NotSent)):
        await counter.refunding.refund_return(part)
    await counter.refunding.refund_return(part)
    assert shop.bank.calls("refund") == [f"{order_id}:r1.1:refund:1"] * 2
    assert list(shop.bank.refunded.values()) == [2_000]
    await counter.settling.close_return(part.rma)


async def test_a_refused_refund_is_tried_anew_with_a_key_of_its_own_or_given_up(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=2), 2))
    (part,) = await counter.settled(await counter.asked(order_id, 1), 1)
    shop.bank.faults.before = [Rejected("bank", "closed", "other")]
    with pytest.raises(Rejected):
        await counter.refunding.refund_return(part)
    await counter.refunding.refund_return(part)
    assert shop.bank.calls("refund")[-1] == f"{order_id}:r1.1:refund:2"
    await counter.settling.close_return(part.rma)
    (second,) = await counter.settled(await counter.asked(order_id, 1), 1)
    await counter.settling.give_up_refunds(second.rma)
    await counter.refunding.refund_return(second)
    assert list(shop.bank.refunded.values()) == [1_000]
    await counter.settling.close_return(second.rma)


async def test_the_orders_own_refund_and_a_returns_do_not_meet(
    shop: Shop, counter: Counter
) -> None:
    """Prepaid: one parcel ships and comes back while the order is open, the other is cancelled."""
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    tenders = [paid("debit", 2_000)]
    first, second = await shop.routed((east, 1), (west, 1), tenders=tenders)
    await shop.shipped(first)
    order_id = first.fulfillment_id.rpartition("-f")[0]
    (part,) = await counter.settled(await counter.asked(order_id, 1), 1)
    assert (await shop.fulfillment.cancel_fulfillment(second.fulfillment_id)) is True
    (due,) = (await shop.closing.money_due(order_id)).dues
    assert (due.operation, due.amount_minor) == ("refund", 1_000)
    await asyncio.gather(shop.settlement.give_back(due), counter.refunding.refund_return(part))
    assert (await shop.closing.money_due(order_id)).dues == ()
    assert list(shop.bank.refunded.values()) == [2_000]
    await counter.settling.close_return(part.rma)
    await shop.advance(first.fulfillment_id, "delivered")
    await shop.close(order_id, "delivered")
    assert list(shop.bank.refunded.values()) == [2_000]


async def test_a_return_is_settled_alike_for_everybody_who_asks(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=2), 2))
    rma = await counter.asked(order_id, 2)
    await counter.came(rma, 2)
    found = await at_once(3, lambda _: counter.found(rma, (1, "restock", 2, True)))
    assert {each.state for each in found} == {"inspected"}
    owed = await at_once(3, lambda _: counter.settling.settle_return(Settle(rma)))
    assert {each.refunds for each in owed} == {(1,)}
    await counter.ended(rma, 2)
    assert await shop.level((await counter.shop.rows(
        "SELECT sku FROM return_items WHERE rma = :r", r=rma))[0].sku) == (2, 0, 0)  # fmt: skip


async def test_no_two_returns_take_the_same_units(shop: Shop, counter: Counter) -> None:
    order_id = await counter.delivered((await shop.sku(west=2), 2))
    found = await at_once(5, lambda _: counter.asked(order_id, 1))
    made = [each for each in found if isinstance(each, str)]
    assert len(made) == 2, found
    for rma in made:
        await counter.ended(rma, 1)
    assert list(shop.bank.refunded.values()) == [2_000]


async def test_a_late_word_about_a_closed_return_changes_nothing(
    shop: Shop, counter: Counter
) -> None:
    order_id = await counter.delivered((await shop.sku(west=2), 2))
    rma = await counter.asked(order_id, 1)
    assert (await counter.cancelled(rma)).outcome == "cancelled"
    story = await shop.story(order_id)
    assert (await counter.came(rma, 1)).state == "closed"
    assert (await counter.found(rma, (1, "restock", 1, True))).state == "closed"
    assert (await counter.settling.settle_return(Settle(rma))).refunds == ()
    assert (await counter.never_came(rma)).outcome == "cancelled"
    await counter.labelled(rma)
    assert shop.road.created[1:] == []
    assert await shop.story(order_id) == story


@pytest.mark.parametrize("seed", range(6))
async def test_random_sequences_conserve_units_and_money(
    shop: Shop, counter: Counter, seed: int
) -> None:
    """Whatever is asked, called off, lost, rejected or repeated: nothing is given twice."""
    dice = Random(seed)
    sku = await shop.sku(west=20)
    credit = await shop.credit(2_000)
    units = dice.randint(3, 7)
    tenders: list[dict[str, Any]] = [
        card(units * 1_000 - 1_500), paid("store_credit", 1_500, credit),
    ]  # fmt: skip
    order_id = await counter.delivered((sku, units), tenders=tenders)
    back, given = 0, 0
    for _ in range(units * 2):
        asked = dice.randint(1, 3)
        try:
            rma = await counter.asked(order_id, asked)
        except Exception:  # noqa: BLE001 - the database refuses units that are not there
            assert asked > units - back
            continue
        fate = dice.choice(["cancelled", "never", "short", "rejected", "back", "back"])
        if fate == "cancelled":
            await counter.cancelled(rma)
        elif fate == "never":
            await counter.never_came(rma)
        elif fate == "rejected":
            await counter.came(rma, asked)
            await counter.found(rma, (1, "scrap", asked, False))
            await counter.settling.settle_return(Settle(rma))
            await counter.settling.close_return(rma)
            back += asked
        else:
            came = asked if fate == "back" else dice.randint(1, asked)
            for _ in range(dice.randint(1, 2)):
                await counter.ended(rma, came)
            back += came
            given += (await counter.row(rma)).refund_minor
    line = await shop.row(
        "SELECT * FROM fulfillment_lines WHERE fulfillment_id = :f", f=f"{order_id}-f1"
    )
    assert (line.in_return, line.returned) == (0, back)
    balance = await shop.row("SELECT * FROM store_credits WHERE code = :c", c=credit)
    bank = sum(shop.bank.refunded.values())
    assert bank + balance.balance_minor - 500 == given <= units * 1_000


async def test_a_parcel_that_is_lost_after_its_return_was_refunded_gives_back_only_the_rest(
    shop: Shop, counter: Counter
) -> None:
    """The carrier says so late; what the return gave is not given again, nor missed."""
    (part,) = await shop.routed((await shop.sku(west=2), 2), tenders=[card(2_000)])
    await shop.shipped(part)
    order_id = part.fulfillment_id.rpartition("-f")[0]
    await counter.ended(await counter.asked(order_id, 1), 1)
    await PlaybookActivities(shop.engine).write_off(WriteOff(part.fulfillment_id, "lost"))
    await shop.close(order_id, "lost")
    assert sum(shop.bank.refunded.values()) == 2_000


async def test_what_a_return_gave_for_a_lost_parcel_is_not_taken_from_those_that_arrived(
    shop: Shop, counter: Counter
) -> None:
    lines = ((await shop.sku(west=1), 1), (await shop.sku(east=1), 1))
    first, second = await shop.routed(*lines, tenders=[paid("debit", 2_000)])
    for part in (first, second):
        await shop.shipped(part)
    order_id = first.fulfillment_id.rpartition("-f")[0]
    await counter.ended(await counter.asked(order_id, 1), 1)
    await PlaybookActivities(shop.engine).write_off(WriteOff(first.fulfillment_id, "lost"))
    await shop.advance(second.fulfillment_id, "delivered")
    await shop.close(order_id, "delivered")
    assert sum(shop.bank.refunded.values()) == 1_000
