"""Webhooks: signed as the vendors sign, repeated until taken, doubled and delayed on demand."""

import base64
import hashlib
import hmac

import easypost
import stripe

from tests.sandbox.easypost.makers import bought
from tests.sandbox.shopify.orders import seeded
from tests.sandbox.stripe.forms import hold
from tests.sandbox.world import living, until


async def test_stripe_events_pass_stripes_own_verification(world):
    await world.stripe.post("/payment_intents", data=hold())
    await until(lambda: world.receiver.taken)
    ((_, headers, body),) = world.receiver.taken
    event = stripe.Webhook.construct_event(body, headers["stripe-signature"], "whsec_sandbox")
    assert event.type == "payment_intent.amount_capturable_updated"


async def test_easypost_events_pass_easyposts_own_verification(world):
    await bought(world)
    await until(lambda: world.receiver.taken)
    ((_, headers, body),) = world.receiver.taken
    signature = {"X-Hmac-Signature": headers["x-hmac-signature"]}
    event = easypost.util.validate_webhook(body, signature, "ezwh_sandbox")
    assert event["result"]["status"] == "pre_transit"


async def test_shopify_webhooks_carry_their_headers(world):
    await seeded(world, webhook=True)
    await until(lambda: world.receiver.taken)
    ((vendor, headers, body),) = world.receiver.taken
    digest = hmac.new(b"shopify_sandbox", body, hashlib.sha256).digest()
    assert vendor == "shopify"
    assert headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()
    assert headers["x-shopify-topic"] == "orders/create"
    assert headers["x-shopify-shop-domain"] == "cauce-sandbox.myshopify.com"
    assert headers["x-shopify-event-id"] != headers["x-shopify-webhook-id"]


async def test_a_receiver_in_trouble_is_asked_again(world):
    world.receiver.status = 503
    await world.stripe.post("/payment_intents", data=hold())

    def refused_once():
        return world.sandbox.store.rows("SELECT 1 FROM deliveries WHERE last_error='HTTP 503'")

    await until(refused_once)
    (waiting,) = (await world.control.get("/webhooks")).json()
    assert waiting["last_error"] == "HTTP 503"
    world.receiver.status = 200
    await until(lambda: world.receiver.taken)
    assert (await world.control.get("/health")).json()["webhooks_pending"] == 0


async def test_an_undelivered_webhook_survives_a_restart(tmp_path):
    async with living(tmp_path, factor=1.0) as world:
        world.receiver.status = 503
        await world.stripe.post("/payment_intents", data=hold())
    async with living(tmp_path, factor=1.0) as world:
        await until(lambda: world.receiver.taken)


async def test_a_webhook_comes_twice_when_told_to(world):
    await world.fault(vendor="stripe", kind="webhook_duplicate")
    await world.stripe.post("/payment_intents", data=hold())
    await until(lambda: len(world.receiver.taken) == 2)
    first, second = world.receiver.events("stripe")
    assert first == second
    (told,) = await world.ledger("messages")
    assert (told["events"], told["deliveries"]) == (1, 2)
    listed = (await world.stripe.get("/events")).json()["data"]
    assert [event["id"] for event in listed] == [first["id"]]


async def test_webhooks_overtake_each_other_when_told_to(world):
    await world.fault(
        vendor="stripe",
        kind="webhook_delay",
        path_prefix="payment_intent.amount_capturable_updated",
        seconds=0.2,
    )
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    await world.stripe.post(f"/payment_intents/{held['id']}/capture")
    await until(lambda: len(world.receiver.taken) == 2)
    assert world.receiver.topics("stripe") == [
        "payment_intent.succeeded",
        "payment_intent.amount_capturable_updated",
    ]
