"""Idempotency keys: the first answer again, for the same parameters only."""

import asyncio

from tests.sandbox.stripe.forms import hold


async def test_the_same_key_gets_the_same_answer_and_one_effect(world):
    key = {"Idempotency-Key": "shop-1001:t1:authorize:1"}
    first = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    again = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    (line,) = await world.ledger("payments")
    assert line["authorizations"] == 1

    log = (await world.control.get("/ledger/requests", params={"vendor": "stripe"})).json()
    assert [(line["idempotency_key"], line["replayed"]) for line in log] == [
        ("shop-1001:t1:authorize:1", False),
        ("shop-1001:t1:authorize:1", True),
    ]


async def test_the_same_key_for_something_else_is_an_idempotency_error(world):
    key = {"Idempotency-Key": "k"}
    await world.stripe.post("/payment_intents", data=hold(), headers=key)
    other = await world.stripe.post("/payment_intents", data=hold(amount=99), headers=key)
    assert other.status_code == 400
    assert other.json()["error"]["type"] == "idempotency_error"


async def test_a_decline_is_remembered_and_a_validation_error_is_not(world):
    key = {"Idempotency-Key": "declined"}
    poor = hold(method="pm_card_chargeDeclined")
    first = await world.stripe.post("/payment_intents", data=poor, headers=key)
    again = await world.stripe.post("/payment_intents", data=poor, headers=key)
    assert (again.status_code, again.json()) == (402, first.json())
    assert again.headers["idempotent-replayed"] == "true"

    key = {"Idempotency-Key": "mistyped"}
    await world.stripe.post("/payment_intents", data=hold(amount="x"), headers=key)
    right = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    assert right.status_code == 200


async def test_two_at_the_same_time_do_not_both_run(world):
    await world.fault(vendor="stripe", kind="delay", seconds=0.3)
    key = {"Idempotency-Key": "at-once"}
    slow = asyncio.create_task(world.stripe.post("/payment_intents", data=hold(), headers=key))
    await asyncio.sleep(0.05)
    second = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_key_in_use"
    assert (await slow).status_code == 200
    third = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    assert third.headers["idempotent-replayed"] == "true"


async def test_a_key_that_was_forgotten_protects_nothing(world):
    key = {"Idempotency-Key": "a day ago"}
    first = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    await world.control.delete("/stripe/keys")
    again = await world.stripe.post("/payment_intents", data=hold(), headers=key)
    assert again.json()["id"] != first.json()["id"]
    assert len(await world.ledger("payments")) == 2
