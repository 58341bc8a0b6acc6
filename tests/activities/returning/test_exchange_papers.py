"""An exchange is credited and invoiced whole: the papers differ by the money that moved."""

import pytest

from activities.returning.settling import Settle
from api.paper.einvoice import write_einvoice
from api.paper.view import document_view
from db.inbox.returns import NewItem, NewLine
from db.queries import audit_documents
from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop, share
from tests.activities.test_documents import a_channel, a_seller, deliver, issued

UNIT = {"unit_price_minor": 1_000, "tax_minor": 210}
GOODS = 1_210


async def bought(shop: Shop, counter: Counter) -> str:
    """One unit at 12.10 with 21 % of tax, and 5.00 of freight, delivered."""
    sku, channel = await shop.sku(west=1), await a_channel(shop, sold_by=a_seller())
    about = {
        "channel": channel,
        "lines": [{"sku": sku, "quantity": 1, **UNIT}],
        "charges": [{"kind": "shipping", "amount_minor": 500}],
        "tenders": [{"kind": "card", "amount_minor": GOODS + 500, "reference": "pm_card"}],
    }
    return await counter.delivered((sku, 1), **about)


async def exchanged(shop: Shop, counter: Counter, order_id: str, total_minor: int) -> str:
    """The first thing that left, and was not returned, for two of something else."""
    instead = (NewLine(await shop.sku(west=2), 2, total_minor),)
    pays = {"resolution": "exchange", "payment_reference": "pm_card"}
    rma = await counter.asked(order_id, 1, instead=instead, **pays)
    await counter.settled(rma, 1)
    plan = await counter.planned(rma)
    for tender_no in plan.unauthorized:
        await shop.take(order_id, tender_no, fulfillment_number=plan.number)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    assert (await counter.row(rma)).outcome == "exchanged"
    return rma


async def said_and_kept(shop: Shop, order_id: str) -> tuple[int, int]:
    signs = {"invoice": 1, "credit_note": -1}
    said = sum(signs[each.kind] * each.total_minor for each in await issued(shop, order_id))
    kept = await shop.row(
        "SELECT CAST(sum(captured_minor) - sum(refunded_minor) AS bigint) AS kept"
        " FROM authorizations WHERE order_id = :o",
        o=order_id,
    )
    return said, kept.kept


@pytest.mark.parametrize("total_minor", [1_700, GOODS, 401])
async def test_an_exchange_is_credited_and_invoiced(
    shop: Shop, counter: Counter, total_minor: int
) -> None:
    order_id = await bought(shop, counter)
    await exchanged(shop, counter, order_id, total_minor)
    await deliver(shop)
    await deliver(shop)
    first, sent, *notes = await issued(shop, order_id)
    assert (first.total_minor, sent.total_minor) == (GOODS + 500, total_minor)
    assert sorted(note.total_minor for note in notes) == sorted(
        part for part in (min(total_minor, GOODS), GOODS - total_minor) if part > 0
    )
    assert {tax["rate_ppm"] for tax in sent.content["bill"]["taxes"]} == {210_000}
    paid = {each["kind"]: each["amount_minor"] for each in sent.content["paid"]}
    assert paid.pop("goods") == min(total_minor, GOODS)
    assert paid == ({"card": total_minor - GOODS} if total_minor > GOODS else {})
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == max(total_minor, GOODS) + 500 - max(GOODS - total_minor, 0)
    for each in (sent, *notes):
        assert document_view(each)["rows"]
        assert each.number.encode() in write_einvoice(each)
    assert not await shop.rows(audit_documents.RULES["invoice_bills_its_share"])


async def test_what_came_in_exchange_and_goes_back_is_credited_on_its_own_invoice(
    shop: Shop, counter: Counter
) -> None:
    order_id = await bought(shop, counter)
    first = await exchanged(shop, counter, order_id, GOODS)
    part = await shop.row("SELECT * FROM fulfillments WHERE rma = :r", r=first)
    line = await shop.row(
        "SELECT * FROM fulfillment_lines WHERE fulfillment_id = :f", f=part.fulfillment_id
    )
    item = (line.fulfillment_id, line.line_no, line.sku, 2, "unwanted", "opened")
    again = await counter.asked(order_id, 2, items=(NewItem(*item),))
    await counter.ended(again, 2)
    await deliver(shop)
    await deliver(shop)
    _, sent, *notes = await issued(shop, order_id)
    assert [note.total_minor for note in notes if note.corrects == sent.number] == [GOODS]
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 500


async def test_a_replacement_needs_no_papers(shop: Shop, counter: Counter) -> None:
    order_id = await bought(shop, counter)
    sku = await shop.row("SELECT sku FROM order_lines WHERE order_id = :o", o=order_id)
    await shop.arrived(sku.sku, "west", 1)
    rma = await counter.asked(order_id, 1, resolution="replacement", method="keep")
    await counter.settling.settle_return(Settle(rma))
    plan = await counter.planned(rma)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.exchange.end_exchange(rma)
    await counter.settling.close_return(rma)
    assert (await counter.row(rma)).outcome == "replaced"
    await deliver(shop)
    assert len(await issued(shop, order_id)) == 1


async def test_a_replacement_that_somebody_paid_for_is_invoiced(
    shop: Shop, counter: Counter
) -> None:
    """It was sent ahead, and the first goods never came."""
    order_id = await bought(shop, counter)
    sku = await shop.row("SELECT sku FROM order_lines WHERE order_id = :o", o=order_id)
    await shop.arrived(sku.sku, "west", 1)
    pays = {"resolution": "replacement", "advance": True, "payment_reference": "pm_card"}
    rma = await counter.asked(order_id, 1, **pays)
    plan = await counter.planned(rma)
    await shop.take(order_id, plan.security)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.never_came(rma)
    await counter.exchange.end_exchange(rma)
    tender_no = await counter.exchange.charge_security(rma)
    assert tender_no == plan.security
    await shop.money.capture(share(plan, tender_no))
    assert (await counter.settling.close_return(rma)).outcome == "replaced"
    await deliver(shop)
    _, sent = await issued(shop, order_id)
    assert (sent.total_minor, sent.content["paid"]) == (
        GOODS,
        [{"kind": "card", "amount_minor": GOODS}],
    )
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 2 * GOODS + 500
