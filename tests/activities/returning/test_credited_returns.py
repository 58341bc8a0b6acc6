"""What is given for a return is credited on the invoices of its units, at their rates."""

from typing import Any

from activities.returning.settling import Settle
from activities.setting_up import upsert_catalog
from db.inbox.returns import NewItem
from db.stores import documents
from db.stores.documents import PartOf
from tests.activities.returning.counter import Counter
from tests.activities.returning.test_exchange_papers import (
    GOODS,
    bought,
    completed,
    said_and_kept,
    sent_instead,
)
from tests.activities.sellers import a_channel, a_seller, deliver, issued
from tests.activities.shop import Shop, card, order_of, paid


async def two_rates(shop: Shop, counter: Counter, *tenders: dict[str, Any]) -> tuple[str, NewItem]:
    """Two parcels with one thing at 10.00 each, taxed 21 % and 10 %; and the first of them."""
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    lines = [
        {"sku": east, "quantity": 1, "unit_price_minor": 1_000, "tax_minor": 210},
        {"sku": west, "quantity": 1, "unit_price_minor": 1_000, "tax_minor": 100},
    ]
    about = {"channel": await a_channel(shop, sold_by=a_seller()), "lines": lines,
             "tenders": list(tenders)}  # fmt: skip
    order_id = await counter.delivered((east, 1), (west, 1), **about)
    line = await shop.row(
        "SELECT l.* FROM fulfillment_lines l JOIN fulfillments USING (fulfillment_id)"
        " WHERE order_id = :o AND line_no = 1",
        o=order_id,
    )
    return order_id, NewItem(line.fulfillment_id, 1, east, 1, "unwanted", "opened")


async def notes_of(shop: Shop, order_id: str) -> list[Any]:
    await deliver(shop)
    await deliver(shop)
    return [each for each in await issued(shop, order_id) if each.kind == "credit_note"]


def taxes_of(notes: list[Any]) -> dict[int, int]:
    """What the notes credit together, by rate."""
    found: dict[int, int] = {}
    for tax in (tax for note in notes for tax in note.content["bill"]["taxes"]):
        found[tax["rate_ppm"]] = found.get(tax["rate_ppm"], 0) + tax["tax_minor"]
    return found


async def test_what_is_given_as_store_credit_is_credited_without_its_bonus(
    shop: Shop, counter: Counter
) -> None:
    order_id = await bought(shop, counter)
    policy = {"channel": order_id.partition("-")[0], "credit_bonus_bp": 1_000}
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"return_policies": [policy]})
    rma = await counter.asked(order_id, 1, resolution="store_credit")
    await counter.ended(rma, 1)
    await counter.settling.settle_return(Settle(rma))
    assert (await counter.row(rma)).credit_minor == 1_881
    (note,) = await notes_of(shop, order_id)
    assert note.total_minor == GOODS + 500
    rows = [(row["kind"], row["units"]) for row in note.content["bill"]["rows"]]
    assert rows == [("goods", 1), ("adjustment", 1)]


async def test_a_refund_in_parts_is_credited_where_its_units_were_billed(
    shop: Shop, counter: Counter
) -> None:
    order_id, item = await two_rates(shop, counter, card(700), paid("debit", 1_610))
    await counter.ended(await counter.asked(order_id, 1, items=(item,)), 1)
    notes = await notes_of(shop, order_id)
    assert sorted(note.total_minor for note in notes) == [510, 700]
    assert {note.fulfillment_id for note in notes} == {item.fulfillment_id}
    assert taxes_of(notes) == {210_000: 210}
    assert {row["kind"] for note in notes for row in note.content["bill"]["rows"]} == {"partial"}


async def test_the_rest_of_an_exchange_is_credited_where_its_units_were_billed(
    shop: Shop, counter: Counter
) -> None:
    order_id, item = await two_rates(shop, counter, paid("debit", 2_310))
    await completed(counter, await sent_instead(shop, counter, order_id, 401, items=(item,)))
    notes = await notes_of(shop, order_id)
    assert sorted(note.total_minor for note in notes) == [401, 809]
    assert {note.fulfillment_id for note in notes} == {item.fulfillment_id}
    assert taxes_of(notes) == {210_000: 210}
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 2_310 - 809


async def test_freight_that_goes_back_in_parts_is_credited_at_its_own_rate(
    shop: Shop, counter: Counter
) -> None:
    order_id = await bought(shop, counter, tenders=[card(500), paid("debit", GOODS)])
    await counter.ended(await counter.asked(order_id, 1), 1)
    notes = await notes_of(shop, order_id)
    assert sorted(note.total_minor for note in notes) == [500, GOODS]
    assert taxes_of(notes) == {0: 0, 210_000: 210}


async def test_the_parts_of_a_return_take_its_units_once(shop: Shop) -> None:
    """Two parcels of three: two units of the first are credited in parts, then two more."""
    sku = await shop.sku(east=3, west=3)
    parts = await shop.routed((sku, 6), tenders=[paid("debit", 6_000)])
    for part in parts:
        await shop.shipped(part)
    order_id = order_of(parts[0])
    for key, amount, part_of in (
        ("a", 800, PartOf("r1")),
        ("b", 1_200, PartOf("r1")),
        ("c", 2_000, None),
    ):
        async with shop.engine.begin() as tx:
            await documents.credit_returned(tx, order_id, key, amount, {1: 2}, part_of)
    asked = await shop.rows(
        "SELECT payload FROM outbox WHERE order_id = :o AND payload ->> 'kind' = 'credit_note'"
        " ORDER BY outbox_id",
        o=order_id,
    )
    first, second = f"{order_id}-f1", f"{order_id}-f2"
    assert [
        (each.payload["fulfillment_id"], each.payload["amount_minor"], each.payload["units"])
        for each in asked
    ] == [
        (first, 800, [[1, 2]]),
        (first, 1_200, [[1, 2]]),
        (first, 1_000, [[1, 1]]),
        (second, 1_000, [[1, 1]]),
    ]
