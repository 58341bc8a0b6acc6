"""Past the vendor's window a key protects nothing: what was begun is looked for before a repeat."""

import pytest

from activities.connectors.errors import OutcomeUnknown
from activities.payments import Taken
from tests.activities.shop import Shop, paid, share
from tests.activities.test_giving_back import half_cancelled


async def forget(shop: Shop, order_id: str) -> None:
    """A day passes: the vendor forgets its keys."""
    shop.bank.forget_keys()
    await shop.change(
        "UPDATE payment_intents SET begun_at = begun_at - interval '25 hours' WHERE order_id = :o",
        o=order_id,
    )


@pytest.mark.parametrize(
    ("kind", "state"), [("card", "held"), ("debit", "taken"), ("bank_slip", "pending")]
)
async def test_a_payment_begun_a_day_ago_is_found_not_made_again(
    shop: Shop, kind: str, state: str
) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid(kind, 1_000)])
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.take(order_id)
    await forget(shop, order_id)
    calls = len(shop.bank.keys)
    assert await shop.take(order_id) == Taken(state)
    assert (len(shop.bank.payments), len(shop.bank.keys)) == (1, calls)


async def test_a_payment_that_never_reached_the_vendor_is_made_then(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.faults.before = [OutcomeUnknown("bank", "timed out")]
    with pytest.raises(OutcomeUnknown):
        await shop.take(order_id)
    await forget(shop, order_id)
    assert await shop.take(order_id) == Taken("held")
    assert len(shop.bank.payments) == 1


async def test_a_capture_begun_a_day_ago_is_found_not_made_again(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.money.capture(share(part))
    await forget(shop, share(part).order_id)
    await shop.money.capture(share(part))
    assert len(shop.bank.calls("capture")) == 1
    assert ("captured", 1_000) in await shop.money_events(share(part).order_id)


async def test_part_of_the_money_is_not_given_back_twice(shop: Shop) -> None:
    """The vendor would refund again: more is left of the payment than the part."""
    order_id = await half_cancelled(shop, "debit")
    (due,) = (await shop.closing.money_due(order_id)).dues
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.settlement.give_back(due)
    await forget(shop, order_id)
    await shop.settlement.give_back(due)
    assert list(shop.bank.refunded.values()) == [1_000]
    assert (await shop.closing.money_due(order_id)).dues == ()
