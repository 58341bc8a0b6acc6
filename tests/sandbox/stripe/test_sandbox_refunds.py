"""Refunds: parts that never exceed the whole."""

from tests.sandbox.stripe.forms import hold, sale
from tests.sandbox.world import until


async def refund(world, intent, **form):
    return await world.stripe.post("/refunds", data={"payment_intent": intent, **form})


async def test_a_payment_is_refunded_in_parts_up_to_what_was_received(world):
    paid = (await world.stripe.post("/payment_intents", data=sale())).json()
    first = (await refund(world, paid["id"], amount=1000, reason="requested_by_customer")).json()
    assert (first["status"], first["amount"]) == ("succeeded", 1000)

    more = await refund(world, paid["id"], amount=1501)
    assert (more.status_code, more.json()["error"]["code"]) == (400, "amount_too_large")

    rest = (await refund(world, paid["id"])).json()
    assert rest["amount"] == 1500
    again = await refund(world, paid["id"], amount=1)
    assert again.json()["error"]["code"] == "charge_already_refunded"

    (line,) = await world.ledger("payments")
    assert (line["captured_minor"], line["refunded_minor"], line["refunds"]) == (2500, 2500, 2)
    listed = await world.stripe.get("/refunds", params={"payment_intent": paid["id"]})
    assert sorted(each["amount"] for each in listed.json()["data"]) == [1000, 1500]
    assert (await world.stripe.get(f"/refunds/{first['id']}")).json() == first


async def test_after_a_partial_capture_only_that_part_can_be_refunded(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    await world.stripe.post(
        f"/payment_intents/{held['id']}/capture", data={"amount_to_capture": 1000}
    )
    more = await refund(world, held["id"], amount=1001)
    assert more.json()["error"]["code"] == "amount_too_large"
    assert (await refund(world, held["id"])).json()["amount"] == 1000


async def test_what_was_never_captured_is_not_refunded(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    answer = await refund(world, held["id"])
    assert answer.json()["error"]["code"] == "payment_intent_unexpected_state"


async def test_a_refund_is_told_with_its_charge(world):
    paid = (await world.stripe.post("/payment_intents", data=sale())).json()
    await refund(world, paid["id"], amount=700)
    await until(lambda: "charge.refunded" in world.receiver.topics("stripe"))
    event = world.receiver.events("stripe")[-1]
    charge = event["data"]["object"]
    assert (charge["payment_intent"], charge["amount_refunded"]) == (paid["id"], 700)
    assert charge["refunded"] is False
