"""Stripe's webhooks: the official library agrees on signatures; events are read in our words."""

import json
import time
from datetime import UTC, datetime

import pytest
import stripe

from activities.connectors.errors import InvalidSignature
from activities.connectors.payment.stripe import webhook

SECRET, OTHER = "whsec_current", "whsec_former"
NOW = 1_795_000_000


def sign(payload: bytes, secret: str = SECRET, at: int = NOW) -> str:
    return stripe.WebhookSignature.generate_signature_header(payload.decode(), secret, at)


def event(kind: str, subject: dict, **changes) -> bytes:
    return json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": kind,
            "created": NOW,
            "data": {"object": subject},
        }
        | changes
    ).encode()


def test_what_the_official_library_signs_is_theirs():
    payload = event("plan.created", {})
    webhook.verify(payload, sign(payload), [SECRET], NOW)


def test_what_we_accept_the_official_library_accepts():
    payload, now = event("plan.created", {}), int(time.time())
    header = sign(payload, at=now)
    webhook.verify(payload, header, [SECRET], now)
    assert stripe.Webhook.construct_event(payload, header, SECRET).id == "evt_1"


def test_either_secret_is_good_while_they_rotate():
    payload = event("plan.created", {})
    for secret in (SECRET, OTHER):
        webhook.verify(payload, sign(payload, secret), [SECRET, OTHER], NOW)


def test_one_of_several_signatures_is_enough():
    payload = event("plan.created", {})
    header = sign(payload, OTHER) + "," + sign(payload).partition(",")[2] + ",v0=ab"
    webhook.verify(payload, header, [SECRET], NOW)


PAYLOAD = event("plan.created", {})


@pytest.mark.parametrize(
    ("payload", "header", "secrets", "now"),
    [
        (PAYLOAD + b" ", sign(PAYLOAD), [SECRET], NOW),
        (PAYLOAD, sign(PAYLOAD), [OTHER], NOW),
        (PAYLOAD, sign(PAYLOAD), [], NOW),
        (PAYLOAD, sign(PAYLOAD, ""), [""], NOW),
        (PAYLOAD, sign(PAYLOAD), [SECRET], NOW + 301),
        (PAYLOAD, sign(PAYLOAD, at=NOW + 301), [SECRET], NOW),
        (PAYLOAD, sign(PAYLOAD).replace(f"t={NOW}", f"t={NOW + 1}"), [SECRET], NOW),
        (PAYLOAD, sign(PAYLOAD).replace("v1=", "v0="), [SECRET], NOW),
        (PAYLOAD, "", [SECRET], NOW),
        (PAYLOAD, "t=now,v1=zz", [SECRET], NOW),
        (PAYLOAD, f"t={NOW}", [SECRET], NOW),
    ],
)
def test_what_they_did_not_sign_just_now_is_refused(payload, header, secrets, now):
    with pytest.raises(InvalidSignature):
        webhook.verify(payload, header, secrets, now)


@pytest.mark.parametrize(
    ("kind", "ours", "amount"),
    [
        ("payment_intent.succeeded", "paid", 2400),
        ("payment_intent.payment_failed", "failed", 2500),
        ("payment_intent.amount_capturable_updated", "authorized", 2450),
        ("payment_intent.canceled", "voided", 2500),
        ("payment_intent.processing", "other", 2500),
    ],
)
def test_a_payments_event_carries_our_ids(intent, kind, ours, amount):
    subject = intent(amount_received=2400, amount_capturable=2450)
    notice = webhook.parse(event(kind, subject))
    assert (notice.event_id, notice.kind, notice.vendor_ref) == ("evt_1", ours, "pi_1")
    assert (notice.order_id, notice.key) == ("shop-1001", "shop-1001:t1:authorize:1")
    assert (notice.amount_minor, notice.currency) == (amount, "USD")
    assert notice.occurred_at == datetime.fromtimestamp(NOW, UTC)


def test_a_slip_that_failed_may_still_be_paid_late(intent):
    failed = event("payment_intent.payment_failed", intent(status="requires_payment_method"))
    paid = event(
        "payment_intent.succeeded", intent(status="succeeded", amount_received=2500), id="evt_2"
    )
    assert [webhook.parse(each).kind for each in (failed, paid)] == ["failed", "paid"]


def test_a_refund_speaks_of_its_payment():
    charge = {
        "id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 700, "currency": "usd",
        "metadata": {"order": "shop-1001"},
    }  # fmt: skip
    notice = webhook.parse(event("charge.refunded", charge))
    assert (notice.kind, notice.vendor_ref, notice.amount_minor) == ("refunded", "pi_1", 700)
    assert notice.order_id == "shop-1001"


def test_an_event_of_another_kind_is_other(spec_json):
    example = spec_json("stripe/fixtures3.json")["resources"]["event"]
    notice = webhook.parse(json.dumps(example).encode())
    assert (notice.kind, notice.amount_minor) == ("other", 0)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", event("payment_intent.succeeded", {})])
def test_what_is_no_event_is_a_value_error(payload):
    with pytest.raises(ValueError, match="validation error"):
        webhook.parse(payload)
