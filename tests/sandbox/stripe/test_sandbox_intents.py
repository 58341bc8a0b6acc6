"""PaymentIntents: held, captured once, released, refused."""

import pytest

from tests.sandbox.stripe.forms import hold, sale


async def test_a_card_is_held_then_captured(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    assert held["status"] == "requires_capture"
    assert held["amount_capturable"] == 2500

    taken = (await world.stripe.post(f"/payment_intents/{held['id']}/capture")).json()
    assert taken["status"] == "succeeded"
    assert (taken["amount_received"], taken["amount_capturable"]) == (2500, 0)

    (line,) = await world.ledger("payments")
    assert line["order"] == "shop-1001"
    assert (line["authorized_minor"], line["captured_minor"], line["captures"]) == (2500, 2500, 1)


async def test_a_second_capture_is_refused(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    part = {"amount_to_capture": 1000}
    first = await world.stripe.post(f"/payment_intents/{held['id']}/capture", data=part)
    assert (first.json()["amount_received"], first.json()["amount_capturable"]) == (1000, 0)

    again = await world.stripe.post(f"/payment_intents/{held['id']}/capture", data=part)
    assert again.status_code == 400
    assert again.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert again.json()["error"]["payment_intent"]["status"] == "succeeded"


async def test_no_more_is_captured_than_was_held(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    more = await world.stripe.post(
        f"/payment_intents/{held['id']}/capture", data={"amount_to_capture": 2501}
    )
    assert more.json()["error"]["code"] == "amount_too_large"
    assert (await world.ledger("payments"))[0]["captures"] == 0


async def test_a_hold_is_released_and_then_not_captured(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    gone = (await world.stripe.post(f"/payment_intents/{held['id']}/cancel")).json()
    assert (gone["status"], gone["amount_capturable"]) == ("canceled", 0)
    late = await world.stripe.post(f"/payment_intents/{held['id']}/capture")
    assert late.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert (await world.ledger("payments"))[0]["canceled"] is True


async def test_a_captured_intent_is_not_canceled(world):
    paid = (await world.stripe.post("/payment_intents", data=sale())).json()
    assert paid["status"] == "succeeded"
    late = await world.stripe.post(f"/payment_intents/{paid['id']}/cancel")
    assert late.json()["error"]["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("method", "decline_code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
async def test_a_declined_card_is_a_card_error_with_its_intent(world, method, decline_code):
    answer = await world.stripe.post("/payment_intents", data=hold(method=method))
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("card_error", "card_declined")
    assert error["decline_code"] == decline_code
    assert error["payment_intent"]["status"] == "requires_payment_method"

    found = (await world.stripe.get(f"/payment_intents/{error['payment_intent']['id']}")).json()
    assert found["last_payment_error"]["decline_code"] == decline_code


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"amount": "10.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount"),
        ({"amount": "-5"}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_missing", "amount"),
        ({"amount": "49"}, "amount_too_small", "amount"),
        ({"amount": "100000000"}, "amount_too_large", "amount"),
        ({"currency": "USD"}, None, "currency"),
        ({"currency": "zzz"}, None, "currency"),
        ({"payment_method": "pm_unheard_of"}, "resource_missing", "payment_method"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"idempotency_key": "k"}, "parameter_unknown", "idempotency_key"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(world, wrong, code, param):
    answer = await world.stripe.post("/payment_intents", data=hold(**wrong))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error.get("code"), error["param"]) == (
        "invalid_request_error",
        code,
        param,
    )
    assert await world.ledger("payments") == []


async def test_an_intent_that_may_redirect_needs_somewhere_to_return_to(world):
    form = hold()
    del form["payment_method_types[]"]
    refused = await world.stripe.post("/payment_intents", data=form)
    assert "return_url" in refused.json()["error"]["message"]
    form["automatic_payment_methods[enabled]"] = "true"
    form["automatic_payment_methods[allow_redirects]"] = "never"
    assert (await world.stripe.post("/payment_intents", data=form)).status_code == 200


async def test_a_wrong_key_is_turned_away(world):
    wrong = await world.stripe.get("/payment_intents", headers={"Authorization": "Bearer sk_x"})
    assert wrong.status_code == 401
    assert wrong.json()["error"]["type"] == "invalid_request_error"


async def test_an_unknown_intent_is_missing(world):
    answer = await world.stripe.get("/payment_intents/pi_nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")


async def test_intents_are_listed_newest_first_a_page_at_a_time(world):
    made = [
        (await world.stripe.post("/payment_intents", data=hold())).json()["id"] for _ in range(3)
    ]
    first = (await world.stripe.get("/payment_intents", params={"limit": 2})).json()
    assert [intent["id"] for intent in first["data"]] == made[:0:-1]
    assert first["has_more"] is True
    rest = await world.stripe.get(
        "/payment_intents", params={"limit": 2, "starting_after": made[1]}
    )
    assert [intent["id"] for intent in rest.json()["data"]] == made[:1]
    assert rest.json()["has_more"] is False


async def test_an_intent_made_without_confirming_is_confirmed_later(world):
    form = hold(confirm="false")
    made = (await world.stripe.post("/payment_intents", data=form)).json()
    assert made["status"] == "requires_confirmation"
    assert await world.ledger("payments") == []
    held = (await world.stripe.post(f"/payment_intents/{made['id']}/confirm")).json()
    assert held["status"] == "requires_capture"


async def test_the_charge_comes_along_when_asked_for(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    seen = await world.stripe.get(
        f"/payment_intents/{held['id']}", params={"expand[]": "latest_charge"}
    )
    assert seen.json()["latest_charge"]["payment_method_details"]["card"]["last4"] == "4242"


async def test_the_charges_of_a_list_come_along_when_asked_for(world):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    params = {"expand[]": "data.latest_charge", "created[gte]": held["created"]}
    (seen,) = (await world.stripe.get("/payment_intents", params=params)).json()["data"]
    assert (seen["latest_charge"]["id"], seen["latest_charge"]["amount_captured"]) == (
        held["latest_charge"],
        0,
    )
