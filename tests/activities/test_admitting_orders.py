"""A document is admitted once, or refused with everything that is wrong with it."""

from dataclasses import replace
from typing import Any

import pytest

from activities.admission import Verified
from activities.closing import Close
from activities.connectors.errors import NotSent, Rejected
from tests.activities.shop import Shop, at_once


async def test_a_document_becomes_one_order(shop: Shop) -> None:
    order = await shop.commit(shop.document((await shop.sku(), 2)))
    answers = await at_once(6, lambda _: shop.admission.admit(order))
    answers.append(await shop.admission.admit(order))
    assert [answer.problems for answer in answers if not isinstance(answer, Exception)] == [()] * 7
    assert await shop.story(order.order_id) == ["OrderPlaced"]
    inbox = await shop.row("SELECT state FROM inbox WHERE inbox_id = :i", i=order.inbox_id)
    assert inbox.state == "handled"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"currency": "EUR"}, "currency: EUR is not sold in shop"),
        ({"tenders": []}, "tenders: they sum to 0, the order to 1000 (minor units)"),
    ],
)
async def test_what_cannot_be_an_order_is_refused_with_its_reason(
    shop: Shop, change: dict[str, Any], problem: str
) -> None:
    order = await shop.commit(shop.document((await shop.sku(), 1), **change))
    assert (await shop.admission.admit(order)).problems == (problem,)
    inbox = await shop.row("SELECT state, note FROM inbox WHERE inbox_id = :i", i=order.inbox_id)
    assert (inbox.state, inbox.note) == ("rejected", problem)


async def test_goods_and_channels_nobody_knows_are_named(shop: Shop) -> None:
    strange = await shop.commit(shop.document(("none-b", 1), ("none-a", 1)))
    assert (await shop.admission.admit(strange)).problems == (
        "lines[1].sku: it is unknown",
        "lines[2].sku: it is unknown",
    )
    nowhere = await shop.commit(shop.document(("none", 1), channel="nowhere"))
    assert (await shop.admission.admit(nowhere)).problems == ("channel: 'nowhere' is unknown",)


async def test_an_order_that_was_closed_is_answered_with_its_outcome(shop: Shop) -> None:
    order = await shop.commit(shop.document((await shop.sku(), 1)))
    await shop.admission.admit(order)
    await shop.closing.close_order(Close(order.order_id, "refused_stock"))
    assert (await shop.admission.admit(order)).outcome == "refused_stock"


async def test_the_normalised_address_replaces_the_given_one_and_is_asked_once(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.road.normalised = lambda given: replace(given, city="SAN FRANCISCO", latitude=None)
    assert await shop.admission.verify_address(order_id) == Verified(deliverable=True)
    shop.road.faults.before = [NotSent("road", "refused connection")]
    assert await shop.admission.verify_address(order_id) == Verified(deliverable=True)
    order = await shop.row("SELECT ship_to FROM orders WHERE order_id = :o", o=order_id)
    assert (order.ship_to["city"], order.ship_to["latitude"]) == ("SAN FRANCISCO", 37.79)


async def test_an_address_that_cannot_be_delivered_to_is_an_answer(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.road.faults.before = [Rejected("road", "no such street", "address_undeliverable")]
    assert not (await shop.admission.verify_address(order_id)).deliverable
    shop.road.faults.before = [Rejected("road", "the account is closed", "other")]
    with pytest.raises(Rejected):
        await shop.admission.verify_address(order_id)
