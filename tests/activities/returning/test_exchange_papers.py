"""An exchange is credited and invoiced whole: the papers differ by the money that moved."""

from typing import Any

import pytest

from activities.returning.settling import Settle
from api.paper.einvoice import write_einvoice
from api.paper.view import document_view
from db.inbox.returns import NewItem, NewLine
from db.queries import audit_documents
from tests.activities.returning.counter import Counter
from tests.activities.sellers import a_channel, a_seller, deliver, issued
from tests.activities.shop import Shop, card, share

UNIT = {"unit_price_minor": 1_000, "tax_minor": 210}
GOODS = 1_210
PAYS = {"resolution": "exchange", "payment_reference": "pm_card"}


async def bought(shop: Shop, counter: Counter, **changes: Any) -> str:
    """One unit at 12.10 with 21 % of tax, and 5.00 of freight, delivered."""
    sku, channel = await shop.sku(west=1), await a_channel(shop, sold_by=a_seller())
    about = {
        "channel": channel,
        "lines": [{"sku": sku, "quantity": 1, **UNIT}],
        "charges": [{"kind": "shipping", "amount_minor": 500}],
        "tenders": [card(GOODS + 500)],
    } | changes
    return await counter.delivered((sku, 1), **about)


async def bought_two(shop: Shop, counter: Counter) -> tuple[str, NewItem]:
    """Something dear, taxed 21 %, and something cheap, taxed 10 %, delivered; and the cheap one."""
    dear, cheap = await shop.sku(west=1), await shop.sku(west=1)
    lines = [
        {"sku": dear, "quantity": 1, "unit_price_minor": 10_000, "tax_minor": 2_100},
        {"sku": cheap, "quantity": 1, "unit_price_minor": 1_000, "tax_minor": 100},
    ]
    about = {"channel": await a_channel(shop, sold_by=a_seller()), "lines": lines,
             "tenders": [card(13_200)]}  # fmt: skip
    order_id = await counter.delivered((dear, 1), (cheap, 1), **about)
    return order_id, NewItem(f"{order_id}-f1", 2, cheap, 1, "unwanted", "opened")


async def sent_instead(
    shop: Shop, counter: Counter, order_id: str, total_minor: int, **changes: Any
) -> str:
    """Two of something else, for the first thing that left and was not returned; they arrived."""
    instead = (NewLine(await shop.sku(west=2), 2, total_minor),)
    rma = await counter.asked(order_id, 1, instead=instead, **(PAYS | changes))
    await counter.settled(rma, 1)
    plan = await counter.planned(rma)
    for tender_no in plan.unauthorized:
        await shop.take(order_id, tender_no, fulfillment_number=plan.number)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    return rma


async def completed(counter: Counter, rma: str) -> None:
    await counter.exchange.end_exchange(rma)
    await counter.ended(rma, 1)
    assert (await counter.row(rma)).outcome == "exchanged"


async def arrived(shop: Shop, rma: str, units: int) -> NewItem:
    """So many units of what was sent instead, to go back."""
    line = await shop.row(
        "SELECT l.* FROM fulfillment_lines l JOIN fulfillments USING (fulfillment_id)"
        " WHERE rma = :r",
        r=rma,
    )
    return NewItem(line.fulfillment_id, line.line_no, line.sku, units, "unwanted", "opened")


def rates(document: Any) -> set[int]:
    return {tax["rate_ppm"] for tax in document.content["bill"]["taxes"]}


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
    await completed(counter, await sent_instead(shop, counter, order_id, total_minor))
    await deliver(shop)
    await deliver(shop)
    first, sent, *notes = await issued(shop, order_id)
    assert (first.total_minor, sent.total_minor) == (GOODS + 500, total_minor)
    assert sorted(note.total_minor for note in notes) == sorted(
        part for part in (min(total_minor, GOODS), GOODS - total_minor) if part > 0
    )
    assert rates(sent) == {210_000}
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
    first = await sent_instead(shop, counter, order_id, GOODS)
    await completed(counter, first)
    again = await counter.asked(order_id, 2, items=(await arrived(shop, first, 2),))
    await counter.ended(again, 2)
    await deliver(shop)
    await deliver(shop)
    _, sent, *notes = await issued(shop, order_id)
    assert [note.total_minor for note in notes if note.corrects == sent.number] == [GOODS]
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 500


async def test_what_came_in_exchange_may_go_back_before_the_exchange_is_complete(
    shop: Shop, counter: Counter
) -> None:
    order_id = await bought(shop, counter)
    first = await sent_instead(shop, counter, order_id, GOODS)
    again = await counter.asked(order_id, 2, items=(await arrived(shop, first, 2),))
    await counter.ended(again, 2)
    await completed(counter, first)
    await deliver(shop)
    await deliver(shop)
    bill, sent, *notes = await issued(shop, order_id)
    assert sorted((note.corrects, note.total_minor) for note in notes) == sorted(
        [(bill.number, GOODS), (sent.number, GOODS)]
    )
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 500


async def test_what_is_sent_for_what_came_in_exchange_is_taxed_as_the_first_goods(
    shop: Shop, counter: Counter
) -> None:
    order_id, cheap = await bought_two(shop, counter)
    first = await sent_instead(shop, counter, order_id, 1_100, items=(cheap,))
    await completed(counter, first)
    item = await arrived(shop, first, 1)
    await completed(counter, await sent_instead(shop, counter, order_id, 550, items=(item,)))
    await deliver(shop)
    await deliver(shop)
    invoices = [each for each in await issued(shop, order_id) if each.kind == "invoice"]
    assert [rates(each) for each in invoices] == [{100_000, 210_000}, {100_000}, {100_000}]
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 13_200


async def test_an_advance_whose_goods_never_come_is_taxed_as_what_was_to_come(
    shop: Shop, counter: Counter
) -> None:
    order_id, cheap = await bought_two(shop, counter)
    instead = (NewLine(await shop.sku(west=1), 1, 1_100),)
    wish = {"items": (cheap,), "instead": instead, "advance": True}
    rma = await counter.asked(order_id, 1, **(PAYS | wish))
    plan = await counter.planned(rma)
    await shop.take(order_id, plan.security)
    await shop.shipped(plan)
    await shop.advance(plan.fulfillment_id, "delivered")
    await counter.never_came(rma)
    await counter.exchange.end_exchange(rma)
    assert await counter.exchange.charge_security(rma) == plan.security
    await shop.money.capture(share(plan, plan.security))
    await counter.settling.close_return(rma)
    await deliver(shop)
    _, sent = await issued(shop, order_id)
    assert (rates(sent), sent.total_minor) == ({100_000}, 1_100)
    said, kept = await said_and_kept(shop, order_id)
    assert said == kept == 14_300


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
