"""Each parcel handed over is invoiced, each invoiced parcel that is refunded is credited, once."""

import asyncio
from typing import Any

from activities.delivery import Delivery
from activities.documents import Documents
from activities.fulfillment import HandOver
from activities.playbook import PlaybookActivities, WriteOff
from activities.routing import Planned
from activities.setting_up import upsert_catalog
from db.privacy import customer
from db.queries import documents as documents_query
from db.stores import documents
from tests.activities.sellers import a_channel, a_seller, deliver, issued
from tests.activities.shop import HOUR_S, Shop, at_once, card, order_of, paid


async def listed(shop: Shop, order_id: str) -> list[dict[str, Any]]:
    async with shop.engine.connect() as tx:
        return await documents_query.list_documents(tx, order_id) or []


async def two_parcels(shop: Shop, channel: str, **changes: Any) -> tuple[Planned, ...]:
    """A lamp from each location at 10.00, taxed 21 %, and 5.00 of freight."""
    east, west = await shop.sku(east=2), await shop.sku(west=1)
    lines = [
        {"sku": sku, "quantity": units, "unit_price_minor": 1_000, "tax_minor": 210 * units}
        for sku, units in ((east, 2), (west, 1))
    ]
    about = {
        "channel": channel, "lines": lines, "locale": "pt-BR",
        "charges": [{"kind": "shipping", "amount_minor": 500}],
        "tenders": [paid("debit", 4_130)],
    } | changes  # fmt: skip
    parts = await shop.routed((east, 2), (west, 1), **about)
    return tuple(sorted(parts, key=lambda part: part.location))


async def test_each_parcel_is_invoiced_for_its_share(shop: Shop) -> None:
    first, second = await two_parcels(shop, await a_channel(shop, sold_by=(by := a_seller())))
    await shop.shipped(first)
    await deliver(shop)
    await shop.shipped(second)
    await deliver(shop)
    found = await issued(shop, order_of(first))
    shares = await shop.rows(
        "SELECT share_minor FROM fulfillments WHERE order_id = :o ORDER BY location",
        o=order_of(first),
    )
    assert [each.total_minor for each in found] == [part.share_minor for part in shares]
    assert sum(each.total_minor for each in found) == 4_130
    assert [each.number[-6:] for each in found] == ["000001", "000002"]
    content = found[0].content
    assert (content["language"], found[0].series) == ("pt", by["invoice_series"])
    assert content["bill"]["taxes"] == [
        {"rate_ppm": 0, "base_minor": 333, "tax_minor": 0},
        {"rate_ppm": 210_000, "base_minor": 2_000, "tax_minor": 420},
    ]
    assert content["bill"]["rounding_minor"] == 0
    assert found[0].buyer["ship_to"]["city"] == "San Francisco"
    assert "phone" not in found[0].buyer["ship_to"]
    await shop.advance(f"{order_of(first)}-f1", "delivered")
    await shop.advance(f"{order_of(first)}-f2", "delivered")
    await shop.close(order_of(first), "delivered")


async def test_a_parcel_handed_over_again_and_again_is_invoiced_once(shop: Shop) -> None:
    channel = await a_channel(shop, sold_by=a_seller())
    (part,) = await shop.routed((await shop.sku(east=1), 1), channel=channel)
    await shop.shipped(part)
    await at_once(4, lambda _: shop.fulfillment.hand_over(HandOver(part.fulfillment_id, HOUR_S)))
    await asyncio.gather(*(deliver(shop) for _ in range(4)))
    await shop.change("UPDATE outbox SET delivered_at = NULL WHERE order_id = :o"
                      " AND kind = 'document'", o=order_of(part))  # fmt: skip
    await deliver(shop)
    assert len(await issued(shop, order_of(part))) == 1


async def test_what_costs_nothing_is_not_invoiced(shop: Shop) -> None:
    lines = [{"sku": await shop.sku(east=1), "quantity": 1, "unit_price_minor": 0}]
    channel = await a_channel(shop, sold_by=a_seller())
    (part,) = await shop.routed((lines[0]["sku"], 1), channel=channel, lines=lines, tenders=[])
    await shop.shipped(part)
    await deliver(shop)
    assert await listed(shop, order_of(part)) == []


async def test_without_a_seller_an_invoice_waits_and_says_so_until_there_is_one(
    shop: Shop,
) -> None:
    channel = await a_channel(shop)
    (part,) = await shop.routed((await shop.sku(east=1), 1), channel=channel)
    await shop.shipped(part)
    await deliver(shop)
    (waiting,) = await listed(shop, order_of(part))
    assert (waiting["state"], waiting["number"]) == ("waiting", None)
    assert waiting["reason"] == f"the channel {channel} has no legal seller"
    dead = await shop.row("SELECT dead_at FROM outbox WHERE order_id = :o AND kind = 'document'",
                          o=order_of(part))  # fmt: skip
    assert dead.dead_at is not None
    by = a_seller()
    entry = {"channel": channel, "name": channel, "kind": "api", "pool": "main",
             "currencies": ["USD"], "seller": by["seller"]}  # fmt: skip
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"sellers": [by], "channels": [entry]})
    await deliver(shop)
    (written,) = await listed(shop, order_of(part))
    assert (written["state"], written["number"][-6:]) == ("issued", "000001")


async def test_tax_without_any_number_of_a_tax_is_not_invoiced(shop: Shop) -> None:
    channel = await a_channel(shop, sold_by=a_seller(vat_id=None))
    first, _ = await two_parcels(shop, channel)
    await shop.shipped(first)
    await deliver(shop)
    (waiting,) = await listed(shop, order_of(first))
    assert "needs a VAT id or a tax registration" in waiting["reason"]


async def test_a_lost_parcel_is_credited_by_its_refund(shop: Shop) -> None:
    first, second = await two_parcels(shop, await a_channel(shop, sold_by=a_seller()))
    order_id = order_of(first)
    await shop.shipped(first)
    await shop.shipped(second)
    await shop.advance(first.fulfillment_id, "lost")
    await shop.advance(second.fulfillment_id, "delivered")
    await deliver(shop)
    await shop.close(order_id, "delivered")
    await deliver(shop)
    invoice, other, note = await issued(shop, order_id)
    assert (note.kind, note.corrects) == ("credit_note", invoice.number)
    assert note.total_minor == invoice.total_minor
    assert note.content["bill"] == invoice.content["bill"]
    assert note.content["corrects"]["number"] == invoice.number
    captured, refunded = (await shop.row(
        "SELECT sum(captured_minor), sum(refunded_minor) FROM authorizations WHERE order_id = :o",
        o=order_id,
    ))  # fmt: skip
    assert captured - refunded == other.total_minor


async def test_units_that_never_left_are_refunded_without_a_credit_note(shop: Shop) -> None:
    first, second = await two_parcels(shop, await a_channel(shop, sold_by=a_seller()))
    order_id = order_of(first)
    await shop.shipped(first)
    assert await shop.fulfillment.cancel_fulfillment(second.fulfillment_id)
    await shop.advance(first.fulfillment_id, "delivered")
    await shop.close(order_id, "delivered")
    await deliver(shop)
    assert [each.kind for each in await issued(shop, order_id)] == ["invoice"]


async def test_a_refund_of_both_credits_only_what_was_lost(shop: Shop) -> None:
    """One parcel is lost, the other never left: one refund of both, one credit note of one."""
    first, second = await two_parcels(shop, await a_channel(shop, sold_by=a_seller()))
    order_id = order_of(first)
    await shop.shipped(first)
    assert await shop.fulfillment.cancel_fulfillment(second.fulfillment_id)
    await shop.advance(first.fulfillment_id, "lost")
    await shop.close(order_id, "lost")
    await deliver(shop)
    invoice, note = await issued(shop, order_id)
    assert note.total_minor == invoice.total_minor < 4_130


async def test_a_parcel_paid_by_two_tenders_is_credited_by_two_notes(shop: Shop) -> None:
    tenders = [paid("debit", 600), card(400)]
    channel = await a_channel(shop, sold_by=a_seller())
    (part,) = await shop.routed((await shop.sku(east=1), 1), channel=channel, tenders=tenders)
    await shop.shipped(part)
    await shop.advance(part.fulfillment_id, "lost")
    await shop.close(order_of(part), "lost")
    await deliver(shop)
    await deliver(shop)
    invoice, *notes = await issued(shop, order_of(part))
    assert sorted(note.total_minor for note in notes) == [400, 600]
    assert sum(note.total_minor for note in notes) == invoice.total_minor


async def test_a_return_is_credited_once_by_units_and_amount(shop: Shop) -> None:
    first, _ = await two_parcels(shop, await a_channel(shop, sold_by=a_seller()))
    await shop.shipped(first)
    part = first.fulfillment_id
    for _ in range(2):
        async with shop.engine.begin() as tx:
            await documents.request_credit_note(tx, "r1", part, 1_110, {1: 1})
        await deliver(shop)
    invoice, note = await issued(shop, order_of(first))
    rows = [(row["kind"], row["units"], row["net_minor"]) for row in note.content["bill"]["rows"]]
    assert rows == [("goods", 1, 1_000), ("adjustment", 1, -100)]
    async with shop.engine.begin() as tx:
        await documents.request_credit_note(tx, "r2", part, invoice.total_minor)
    await deliver(shop)
    waiting = (await listed(shop, order_of(first)))[-1]
    assert waiting["state"] == "waiting"
    assert f"{invoice.total_minor - 1_110} is left of the invoice" in waiting["reason"]


async def test_a_credit_note_waits_for_its_invoice(shop: Shop) -> None:
    channel = await a_channel(shop)
    (part,) = await shop.routed((await shop.sku(east=1), 1), channel=channel)
    await shop.shipped(part)
    async with shop.engine.begin() as tx:
        await documents.request_credit_note(tx, "r1", part.fulfillment_id, 1_000)
    delivery = Delivery(shop.engine, {"document": Documents(shop.engine)})
    await delivery.deliver("document")
    reasons = {each["kind"]: each["reason"] for each in await listed(shop, order_of(part))}
    assert reasons["credit_note"] == f"the parcel {part.fulfillment_id} has no invoice yet"


async def test_what_the_documents_say_equals_what_the_ledger_keeps(shop: Shop) -> None:
    """Invoiced less credited is captured less refunded, when the order is closed."""
    first, second = await two_parcels(shop, await a_channel(shop, sold_by=a_seller()))
    order_id = order_of(first)
    await shop.shipped(first)
    await shop.shipped(second)
    await shop.advance(first.fulfillment_id, "delivered")
    await shop.advance(second.fulfillment_id, "lost")
    await shop.close(order_id, "delivered")
    await deliver(shop)
    await deliver(shop)
    found = await issued(shop, order_id)
    signed = {"invoice": 1, "credit_note": -1}
    kept = await shop.row(
        "SELECT sum(captured_minor) - sum(refunded_minor) AS kept FROM authorizations"
        " WHERE order_id = :o",
        o=order_id,
    )
    assert sum(signed[each.kind] * each.total_minor for each in found) == kept.kept


async def test_one_that_cannot_be_written_holds_up_no_other(shop: Shop) -> None:
    channel = await a_channel(shop, sold_by=a_seller())
    (part,) = await shop.routed((await shop.sku(east=1), 1), channel=channel)
    async with shop.engine.begin() as tx:
        await documents.request_credit_note(tx, "bad", f"{order_of(part)}-f9", 100)
    await shop.shipped(part)
    await deliver(shop)
    assert len(await issued(shop, order_of(part))) == 1
    bad = await shop.row(
        "SELECT last_error, attempts FROM outbox WHERE key LIKE 'credit:bad:%' AND order_id = :o",
        o=order_of(part),
    )
    assert bad.last_error == "the document cannot be written: AssertionError"


async def test_an_erased_customer_leaves_the_invoice_as_it_was_issued(shop: Shop) -> None:
    channel = await a_channel(shop, sold_by=a_seller())
    address = f"{channel}@example.com"
    (part,) = await shop.routed(
        (await shop.sku(east=1), 1),
        channel=channel,
        customer={"name": "Ada Buyer", "email": address},
    )
    await shop.shipped(part)
    await shop.advance(part.fulfillment_id, "delivered")
    await shop.close(order_of(part), "delivered")
    await deliver(shop)
    await shop.change("UPDATE outbox SET delivered_at = now() WHERE order_id = :o"
                      " AND delivered_at IS NULL", o=order_of(part))  # fmt: skip
    async with shop.engine.begin() as tx:
        held = await customer.export(tx, await customer.find(tx, address))
        assert [each["kind"] for each in held["documents"]] == ["invoice"]
        await customer.erase(tx, await customer.find(tx, address), "tests")
    (invoice,) = await issued(shop, order_of(part))
    assert invoice.buyer["name"] == "Ada Buyer"
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_of(part))
    assert order.customer_name.startswith("erased-")


async def test_returned_units_of_several_parcels_are_credited_on_their_invoices(shop: Shop) -> None:
    first, second = await two_parcels(shop, await a_channel(shop, sold_by=a_seller()))
    order_id = order_of(first)
    await shop.shipped(first)
    await shop.shipped(second)
    for key, units in (("r1", {1: 1, 2: 1}), ("r1", {1: 1, 2: 1}), ("r2", {1: 1})):
        async with shop.engine.begin() as tx:
            amount = 1_210 * sum(units.values())
            await documents.credit_returned(tx, order_id, key, amount, units)
    await deliver(shop)
    notes = [each for each in await issued(shop, order_id) if each.kind == "credit_note"]
    assert [note.total_minor for note in notes] == [1_210, 1_210, 1_210]
    goods = [(row["line_no"], row["units"]) for n in notes for row in n.content["bill"]["rows"]]
    assert sorted(goods) == [(1, 1), (1, 1), (2, 1)]
    assert sorted(note.fulfillment_id for note in notes) == sorted(
        [first.fulfillment_id, first.fulfillment_id, second.fulfillment_id]
    )


async def test_a_parcel_replaced_before_its_invoice_was_written_is_billed_as_it_left(
    shop: Shop,
) -> None:
    """Its share is the replacement's by then, which is never invoiced by itself."""
    channel = await a_channel(shop, sold_by=a_seller())
    (part,) = await shop.routed((await shop.sku(east=2), 1), channel=channel)
    await shop.shipped(part)
    lost = WriteOff(part.fulfillment_id, "lost", HOUR_S)
    assert await PlaybookActivities(shop.engine).reship(lost)
    await deliver(shop)
    (invoice,) = await issued(shop, order_of(part))
    assert (invoice.fulfillment_id, invoice.total_minor) == (part.fulfillment_id, 1_000)
    assert invoice.content["paid"] == [{"kind": "card", "amount_minor": 1_000}]
