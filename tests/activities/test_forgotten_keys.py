"""Past the vendor's window a key protects nothing: what was begun is looked for before a repeat."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.connectors.errors import OutcomeUnknown
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client
from activities.payments import Taken
from tests.activities.connectors.contract import Wire
from tests.activities.shop import Shop, paid, share
from tests.activities.test_giving_back import half_cancelled
from tests.sandbox.world import World, living


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


# -- at a vendor's that really forgets its keys


class AtStripe:
    """The shop with Stripe's connector, a wire that is cut on demand, and the sandbox."""

    def __init__(self, shop: Shop, world: World) -> None:
        self.world = world
        self.wire = Wire(world.stripe._transport, {})
        client = stripe_client("http://sandbox/stripe", "sk_sandbox", transport=self.wire)
        shop.bank = StripeGateway(client)  # type: ignore[assignment]
        shop.__post_init__()
        self.shop = shop

    async def a_day_passes(self, order_id: str) -> None:
        await self.world.control.delete("/stripe/keys")
        await self.shop.change(
            "UPDATE payment_intents SET begun_at = begun_at - interval '25 hours' "
            "WHERE order_id = :o",
            o=order_id,
        )

    async def books(self, order_id: str) -> list[dict[str, Any]]:
        return [line for line in await self.world.ledger("payments") if line["order"] == order_id]


@pytest.fixture
async def at_stripe(shop: Shop, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with living(tmp_path) as world:
        yield AtStripe(shop, world)


async def test_stripe_holds_once_what_was_asked_for_yesterday_and_today(
    at_stripe: AtStripe,
) -> None:
    shop = at_stripe.shop
    order_id = await shop.admitted(
        (await shop.sku(), 1), tenders=[paid("card", 1_000, "pm_card_visa")]
    )
    at_stripe.wire.meet("cut")
    with pytest.raises(OutcomeUnknown):
        await shop.take(order_id)
    await at_stripe.a_day_passes(order_id)
    assert await shop.take(order_id) == Taken("held")
    (line,) = await at_stripe.books(order_id)
    assert line["authorizations"] == 1
    await shop.close(order_id, "cancelled")


async def test_stripe_gives_a_part_back_once_though_asked_yesterday_and_today(
    at_stripe: AtStripe,
) -> None:
    shop = at_stripe.shop
    order_id = await half_cancelled(shop, "debit", "pm_card_debit")
    (due,) = (await shop.closing.money_due(order_id)).dues
    at_stripe.wire.meet("cut")
    with pytest.raises(OutcomeUnknown):
        await shop.settlement.give_back(due)
    await at_stripe.a_day_passes(order_id)
    await shop.settlement.give_back(due)
    (line,) = await at_stripe.books(order_id)
    assert (line["refunded_minor"], line["refunds"]) == (1_000, 1)


async def test_stripe_captures_once_what_was_asked_for_yesterday_and_today(
    at_stripe: AtStripe,
) -> None:
    shop = at_stripe.shop
    (part,) = await shop.routed(
        (await shop.sku(east=1), 1), tenders=[paid("card", 1_000, "pm_card_visa")]
    )
    order_id = share(part).order_id
    at_stripe.wire.meet("cut")
    with pytest.raises(OutcomeUnknown):
        await shop.money.capture(share(part))
    await at_stripe.a_day_passes(order_id)
    await shop.money.capture(share(part))
    (line,) = await at_stripe.books(order_id)
    assert (line["captured_minor"], line["captures"]) == (1_000, 1)
