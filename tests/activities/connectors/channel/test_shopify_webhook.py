"""Shopify's webhooks: signed over the raw bytes, and read in our words."""

import base64
import hashlib
import hmac
import json

import pytest

from activities.connectors.channel.shopify import webhook
from activities.connectors.channel.shopify.document import DocumentOptions
from activities.connectors.errors import InvalidSignature

SECRET = "shpss_1"
PAYLOAD = b'{"id": 1}'
SAMPLES = "shopify/webhooks_2026-07/samples/orders"


def sign(payload: bytes, secret: str = SECRET) -> str:
    """Source: https://shopify.dev/docs/apps/build/webhooks/subscribe/https"""
    return base64.b64encode(hmac.new(secret.encode(), payload, hashlib.sha256).digest()).decode()


def test_what_a_secret_of_ours_signed_is_theirs():
    webhook.verify(PAYLOAD, sign(PAYLOAD), ["former", SECRET])


@pytest.mark.parametrize(
    ("payload", "header", "secrets"),
    [
        (b'{"id":1}', sign(PAYLOAD), [SECRET]),
        (PAYLOAD, sign(PAYLOAD, "other"), [SECRET]),
        (PAYLOAD, sign(PAYLOAD, ""), [""]),
        (PAYLOAD, sign(PAYLOAD), []),
        (PAYLOAD, sign(PAYLOAD) + "!", [SECRET]),
        (PAYLOAD, "", [SECRET]),
        (PAYLOAD, "\N{SNOWMAN}", [SECRET]),
    ],
)
def test_what_they_did_not_sign_is_refused(payload, header, secrets):
    with pytest.raises(InvalidSignature):
        webhook.verify(payload, header, secrets)


@pytest.mark.parametrize("name", ["create", "updated", "paid"])
def test_the_official_samples_are_cancelled_orders(spec_json, name):
    sample = spec_json(f"{SAMPLES}/{name}.json")["response"]
    notice = webhook.parse(f"orders/{name}", json.dumps(sample).encode())
    assert (notice.kind, notice.external_id) == ("cancelled", "820982911946154508")


def test_a_cancellation_names_its_order(spec_json):
    sample = spec_json(f"{SAMPLES}/cancelled.json")["response"]
    notice = webhook.parse("orders/cancelled", json.dumps(sample).encode())
    assert (notice.kind, notice.external_id) == ("cancelled", "820982911946154508")


def test_a_cancellation_whose_body_says_little_names_its_order():
    """What a subscription sends can be cut down to some fields."""
    payload = b'{"id": 7, "cancelled_at": "2026-11-22T10:00:00Z"}'
    notice = webhook.parse("orders/cancelled", payload)
    assert (notice.kind, notice.external_id) == ("cancelled", "7")


def test_an_order_sent_again_under_the_topic_of_cancellations_cancels_nothing(official_order):
    """Whoever repeats what the shop signed can choose the topic."""
    payload = json.dumps(official_order).encode()
    assert webhook.parse("orders/cancelled", payload).kind == "other"


@pytest.mark.parametrize("name", ["edited", "delete", "risk_assessment_changed"])
def test_other_topics_are_other(spec_json, name):
    sample = spec_json(f"{SAMPLES}/{name}.json")["response"]
    assert webhook.parse(f"orders/{name}", json.dumps(sample).encode()).kind == "other"


def test_the_channel_of_a_document_is_the_receivers(official_order):
    payload = json.dumps(official_order).encode()
    notice = webhook.parse("orders/paid", payload, DocumentOptions(channel="outlet"))
    assert notice.document is not None
    assert notice.document["channel"] == "outlet"


def test_an_unpaid_order_waits_for_its_payment(official_order):
    payload = json.dumps(official_order | {"financial_status": "pending"}).encode()
    notice = webhook.parse("orders/create", payload)
    assert (notice.kind, notice.document, notice.reject) == ("waiting", None, None)


def test_a_malformed_order_is_rejected_without_its_values(official_order):
    order = official_order | {"line_items": [{"price": "secret"}]}
    notice = webhook.parse("orders/create", json.dumps(order).encode())
    assert notice.reject is not None
    assert notice.reject.reason.startswith("malformed: line_items.0.id")
    assert "secret" not in notice.reject.reason


def test_an_amount_that_is_none_is_rejected(official_order):
    notice = webhook.parse(
        "orders/create", json.dumps(official_order | {"total_price": "1.005"}).encode()
    )
    assert notice.reject is not None
    assert notice.reject.external_id == "820982911946154508"
    assert "finer than the minor unit" in notice.reject.reason


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{"])
def test_what_is_no_object_is_a_value_error(payload):
    with pytest.raises(ValueError, match=r"."):
        webhook.parse("orders/create", payload)


def test_our_reading_stays_inside_the_published_webhook_schema(spec_json):
    """Every field we need is one the vendor promises for the topic."""
    from activities.connectors.channel.shopify.wire import (  # noqa: PLC0415
        RestLine,
        RestOrder,
        RestShipping,
    )

    schema = spec_json("shopify/webhooks_2026-07/schemas/orders/create.json")["properties"]
    assert set(RestOrder.model_fields) <= set(schema)
    lines = schema["line_items"]["items"]["properties"]
    assert set(RestLine.model_fields) <= set(lines)
    shipping = schema["shipping_lines"]["items"]["properties"]
    assert set(RestShipping.model_fields) <= set(shipping)
