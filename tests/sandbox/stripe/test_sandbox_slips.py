"""Bank slips: paid after a day, never, or too late."""

import pytest

from tests.sandbox.stripe.forms import slip
from tests.sandbox.world import until


async def issued(world, method, **more):
    answer = await world.stripe.post("/payment_intents", data=slip(method, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_slip_waits_to_be_paid(world):
    intent = await issued(world, "pm_boleto_paid")
    assert intent["status"] == "requires_action"
    details = intent["next_action"]["boleto_display_details"]
    assert details["expires_at"] - intent["created"] == pytest.approx(3 * 86_400, abs=1)
    assert (await world.ledger("payments")) == []


async def test_a_slip_is_paid_a_day_later(fast_world):
    intent = await issued(fast_world, "pm_boleto_paid")
    await until(lambda: "payment_intent.succeeded" in fast_world.receiver.topics("stripe"))
    assert set(fast_world.receiver.topics("stripe")) == {
        "payment_intent.requires_action",
        "payment_intent.processing",
        "payment_intent.succeeded",
    }
    seen = (await fast_world.stripe.get(f"/payment_intents/{intent['id']}")).json()
    assert (seen["status"], seen["amount_received"]) == ("succeeded", 2500)
    (line,) = await fast_world.ledger("payments")
    assert (line["authorized_minor"], line["captured_minor"], line["captures"]) == (2500, 2500, 1)


async def test_a_slip_nobody_pays_fails_when_it_expires(fast_world):
    intent = await issued(fast_world, "pm_boleto_never")
    await until(lambda: "payment_intent.payment_failed" in fast_world.receiver.topics("stripe"))
    seen = (await fast_world.stripe.get(f"/payment_intents/{intent['id']}")).json()
    assert seen["status"] == "requires_payment_method"
    assert seen["last_payment_error"]["code"] == "payment_intent_payment_attempt_expired"


async def test_a_slip_paid_late_fails_and_then_succeeds(fast_world):
    intent = await issued(fast_world, "pm_boleto_late")
    await until(lambda: "payment_intent.succeeded" in fast_world.receiver.topics("stripe"))
    topics = fast_world.receiver.topics("stripe")
    assert topics.index("payment_intent.payment_failed") < topics.index("payment_intent.succeeded")
    answer = await fast_world.stripe.post("/refunds", data={"payment_intent": intent["id"]})
    assert answer.json()["amount"] == 2500


async def test_a_canceled_slip_is_neither_paid_nor_expired(fast_world):
    intent = await issued(fast_world, "pm_boleto_late")
    await fast_world.stripe.post(f"/payment_intents/{intent['id']}/cancel")

    def nothing_due():
        return not fast_world.sandbox.store.rows("SELECT 1 FROM due")

    await until(nothing_due)
    seen = (await fast_world.stripe.get(f"/payment_intents/{intent['id']}")).json()
    assert seen["status"] == "canceled"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"currency": "usd"}, "currency"),
        ({"capture_method": "manual"}, "capture_method"),
        ({"amount": "499"}, "amount"),
        ({"payment_method_types[]": "card"}, "payment_method"),
        (
            {"payment_method_options[boleto][expires_after_days]": "61"},
            "payment_method_options[boleto][expires_after_days]",
        ),
    ],
)
async def test_a_slip_is_in_reais_and_never_held(world, wrong, param):
    form = {**slip("pm_boleto_paid"), **wrong}
    answer = await world.stripe.post("/payment_intents", data=form)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
