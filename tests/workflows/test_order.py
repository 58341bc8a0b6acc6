"""The story of an order on a real server: happy, and each refusal."""

from typing import Any

import pytest

from db.inbox.orders import commit_order
from db.inbox.webhooks import commit_webhook
from tests.workflows.conftest import World
from workflows.messages import Admission, SlipNotice
from workflows.order import OrderWorkflow


async def test_an_order_runs_from_placement_to_delivery(world: World) -> None:
    sku = await world.sku(west=5)
    document = world.document((sku, 2))
    handle = await world.place(document)
    admission = await handle.execute_update(OrderWorkflow.admission)
    assert admission == Admission(f"shop-{document['external_id']}", "admitted")
    await world.work(document)
    result = await handle.result()
    assert result.outcome == "delivered"
    order = await world.order(document)
    assert order.outcome == "delivered"
    assert order.next_step is None
    ledger = await world.ledger(document)
    assert [p["captured_minor"] for p in ledger["payments"]] == [2_500]
    assert [label["bought"] for label in ledger["labels"]] == [1]
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert (level.on_hand, level.reserved) == (3, 0)


async def refused(world: World, document: dict[str, Any], sku: str) -> tuple[str, Any]:
    """Run an order to its refusal and check that nothing of it is left anywhere."""
    handle = await world.place(document)
    admission = await handle.execute_update(OrderWorkflow.admission)
    assert admission.status == "refused"
    assert (await handle.result()).outcome == admission.outcome
    ledger = await world.ledger(document)
    for payment in ledger["payments"]:
        assert payment["captured_minor"] == payment["refunded_minor"]
    level = await world.row("SELECT * FROM pool_levels WHERE sku = :sku", sku=sku)
    assert (level.open_demand, level.reserved) == (0, 0)
    return admission.outcome, ledger


async def test_what_is_sold_out_is_refused_before_any_payment(world: World) -> None:
    sku = await world.sku(west=1)
    outcome, ledger = await refused(world, world.document((sku, 2)), sku)
    assert outcome == "refused_stock"
    assert ledger["payments"] == []


async def test_a_declined_card_gives_the_stock_back(world: World) -> None:
    sku = await world.sku(west=5)
    declined = {"kind": "card", "amount_minor": 2_500, "reference": "pm_card_chargeDeclined"}
    outcome, _ = await refused(world, world.document((sku, 2), tenders=[declined]), sku)
    assert outcome == "refused_payment"


async def test_a_declined_second_tender_undoes_the_first(world: World) -> None:
    sku = await world.sku(west=5)
    tenders = [
        {"kind": "debit", "amount_minor": 1_000, "reference": "pm_card_chargeDeclined"},
        {"kind": "card", "amount_minor": 1_500, "reference": "pm_card_visa"},
    ]
    document = world.document((sku, 2), tenders=tenders)
    outcome, _ = await refused(world, document, sku)
    assert outcome == "refused_payment"
    money = await world.rows(
        "SELECT state, captured_minor FROM authorizations WHERE order_id = :o",
        o=f"shop-{document['external_id']}",
    )
    assert [(row.state, row.captured_minor) for row in money] == [("voided", 0)]


async def test_a_bad_address_is_refused_before_any_stock_is_held(world: World) -> None:
    sku = await world.sku(west=5)
    document = world.document((sku, 1))
    document["ship_to"]["line1"] = "1 UNDELIVERABLE Road"
    outcome, _ = await refused(world, document, sku)
    assert outcome == "refused_address"


async def test_a_document_with_an_unknown_sku_leaves_no_order(world: World) -> None:
    document = world.document(("NOBODY-KNOWS", 1))
    handle = await world.place(document)
    assert (await handle.result()).outcome == "rejected_input"
    assert await world.order(document) is None
    kept = await world.row("SELECT * FROM inbox WHERE external_id = :e", e=document["external_id"])
    assert (kept.state, kept.note) == ("rejected", "lines[1].sku: it is unknown")


async def test_a_corrected_document_takes_the_place_of_a_refused_one(world: World) -> None:
    sku = await world.sku(west=5)
    wrong = world.document(("NOBODY-KNOWS", 1))
    assert (await (await world.place(wrong)).result()).outcome == "rejected_input"
    right = wrong | {"lines": [{"sku": sku, "quantity": 1, "unit_price_minor": 1_000}]}
    async with world.engine.begin() as tx:
        await commit_order(
            tx, right, channel="shop", external_id=right["external_id"], deferred=True
        )
    await world.work(right)

    async def closed() -> bool:
        return bool((await world.order(right)).outcome == "delivered")

    await world.until(closed)


def slip(world: World, sku: str, method: str) -> dict[str, Any]:
    return world.document(
        (sku, 2),
        currency="BRL",
        tenders=[{"kind": "bank_slip", "amount_minor": 2_500, "reference": method}],
    )


async def test_a_slip_that_is_paid_lets_the_order_go_on(world: World) -> None:
    sku = await world.sku(west=5)
    document = slip(world, sku, "pm_boleto_paid")
    handle = await world.place(document)
    admission = await handle.execute_update(OrderWorkflow.admission)
    assert admission.status == "awaiting_payment"
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"


async def test_a_slip_paid_after_the_end_is_refunded_in_full(world: World) -> None:
    sku = await world.sku(west=5)
    document = slip(world, sku, "pm_boleto_late")
    handle = await world.place(document)
    await handle.execute_update(OrderWorkflow.admission)
    await handle.signal(OrderWorkflow.slip_settled, SlipNotice("evt_failed", 1, paid=False))
    assert (await handle.result()).outcome == "expired_payment"
    order_id = f"shop-{document['external_id']}"
    level = await world.row("SELECT * FROM pool_levels WHERE sku = :sku", sku=sku)
    assert level.open_demand == 0

    async def paid() -> Any:
        payments = (await world.ledger(document))["payments"]
        return payments[0] if payments and payments[0]["captured_minor"] else None

    payment = await world.until(paid)
    intent = {
        "id": payment["intent"], "object": "payment_intent", "amount": 2_500,
        "amount_received": 2_500, "amount_capturable": 0, "currency": "brl",
        "status": "succeeded", "created": 1_700_000_000, "payment_method_types": ["boleto"],
        "metadata": {"order": order_id, "key": f"{order_id}:t1:slip:1"},
    }  # fmt: skip
    event = {
        "id": f"evt_{order_id}", "object": "event", "type": "payment_intent.succeeded",
        "created": 1_700_000_000, "data": {"object": intent},
    }  # fmt: skip
    for _ in range(2):  # a webhook may come twice
        async with world.engine.begin() as tx:
            await commit_webhook(tx, "stripe", event["id"], event)

    async def refunded() -> bool:
        payments = (await world.ledger(document))["payments"]
        return bool(payments[0]["refunded_minor"] == 2_500)

    await world.until(refunded)
    mail = await world.row(
        "SELECT count(*) AS n FROM outbox WHERE key = :k", k=f"{order_id}:late_payment_refunded"
    )
    assert mail.n == 1


@pytest.mark.parametrize("cards", [1, 2])
async def test_an_order_split_over_two_places_is_captured_once_for_each(
    world: World, cards: int
) -> None:
    east, west = await world.sku(east=5), await world.sku(west=5)
    amounts = [4_500] if cards == 1 else [1_000, 3_500]
    tenders = [
        {"kind": "card", "amount_minor": amount, "reference": "pm_card_visa"} for amount in amounts
    ]
    document = world.document((east, 1), (west, 3), tenders=tenders)
    handle = await world.place(document)
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    ledger = await world.ledger(document)
    assert sum(payment["captured_minor"] for payment in ledger["payments"]) == 4_500
    assert all(payment["captures"] <= 1 for payment in ledger["payments"])
    assert sorted(label["bought"] for label in ledger["labels"]) == [1, 1]
