"""Exchanges where cards settle no single minor unit: what is asked of one is rounded down."""

from activities.setting_up import upsert_catalog
from db.inbox.returns import NewLine
from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop, card, share

PAYS = {"resolution": "exchange", "payment_reference": "pm_card"}


async def in_dinars(shop: Shop, counter: Counter) -> str:
    """Three units for 10.000 together, delivered."""
    channel = f"kw{shop.prefix}"
    entry = {"channel": channel, "name": channel, "kind": "api", "pool": "main",
             "currencies": ["KWD"]}  # fmt: skip
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"channels": [entry]})
    sku = await shop.sku(west=3)
    line = {"sku": sku, "quantity": 3, "unit_price_minor": 3_340, "discount_minor": 20}
    return await counter.delivered(
        (sku, 3), channel=channel, currency="KWD", lines=[line], tenders=[card(10_000)]
    )


async def asked_of_cards(shop: Shop, rma: str) -> list[int]:
    found = await shop.rows(
        "SELECT amount_minor FROM tenders WHERE rma = :r ORDER BY tender_no", r=rma
    )
    return [tender.amount_minor for tender in found]


async def test_what_an_exchange_costs_more_is_an_amount_that_cards_settle(
    shop: Shop, counter: Counter
) -> None:
    order_id = await in_dinars(shop, counter)
    instead = (NewLine(await shop.sku(west=1), 1, 10_000),)
    rma = await counter.asked(order_id, 1, instead=instead, **PAYS)
    await counter.settled(rma, 1)
    plan = await counter.planned(rma)
    assert (await counter.row(rma)).goods_minor == 3_333
    assert await asked_of_cards(shop, rma) == [6_660]
    await shop.take(order_id, plan.cards[0], fulfillment_number=plan.number)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    assert (await counter.row(rma)).outcome == "exchanged"


async def test_security_is_held_and_taken_in_amounts_that_cards_settle(
    shop: Shop, counter: Counter
) -> None:
    order_id = await in_dinars(shop, counter)
    instead = (NewLine(await shop.sku(west=1), 1, 10_000),)
    rma = await counter.asked(order_id, 1, instead=instead, advance=True, **PAYS)
    plan = await counter.planned(rma)
    assert await asked_of_cards(shop, rma) == [6_660, 3_330]
    await shop.take(order_id, plan.cards[0], fulfillment_number=plan.number)
    await shop.take(order_id, plan.security)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.never_came(rma)
    await counter.exchange.end_exchange(rma)
    assert await counter.exchange.charge_security(rma) == plan.security
    await shop.money.capture(share(plan, plan.security))
    await counter.settling.close_return(rma)
    captured = [event for event in await shop.money_events(order_id) if event[0] == "captured"]
    assert captured == [("captured", 10_000), ("captured", 6_660), ("captured", 3_330)]


async def test_what_no_card_could_settle_is_not_held(shop: Shop, counter: Counter) -> None:
    order_id = await in_dinars(shop, counter)
    instead = (NewLine(await shop.sku(west=1), 1, 7),)
    rma = await counter.asked(order_id, 1, instead=instead, advance=True, **PAYS)
    plan = await counter.planned(rma)
    assert (plan.problem, plan.cards, plan.security) == (None, (), None)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.never_came(rma)
    await counter.exchange.end_exchange(rma)
    assert await counter.exchange.charge_security(rma) is None
    await counter.settling.close_return(rma)
