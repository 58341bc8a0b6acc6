"""Stripe: what we send is what its description allows, what it answers is read in our words."""

from datetime import UTC, datetime

import pytest

from activities.connectors.errors import Misconfigured, OutcomeUnknown, Rejected
from activities.connectors.payment.port import (
    AuthorizeCommand,
    Capability,
    ChargeCommand,
    PaymentStatus,
    RefundStatus,
    SlipCommand,
)
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client
from activities.connectors.payment.stripe.translate import AUTHORIZATION_LIFETIME

CREATED = datetime.fromtimestamp(1_795_000_000, UTC)
DETAILS = {
    "amount_minor": 2500,
    "currency": "USD",
    "method": "pm_card_visa",
    "order_id": "shop-1001",
    "description": "Order 1001",
}


def authorize(**changes) -> AuthorizeCommand:
    return AuthorizeCommand(**({"key": "shop-1001:t1:authorize:1"} | DETAILS | changes))


def slip() -> SlipCommand:
    details = DETAILS | {"currency": "BRL", "method": "pm_boleto_paid"}
    return SlipCommand(key="shop-1001:t2:slip:1", expires_after_days=3, **details)


@pytest.fixture
def gateway(vendor) -> StripeGateway:
    client = stripe_client("https://api.stripe.test", "sk_test_1", transport=vendor.transport)
    return StripeGateway(client)


async def test_an_authorization_is_held_for_manual_capture(gateway, vendor, intent, stripe_judge):
    answer = intent(amount_capturable=2500)
    stripe_judge.check_object("payment_intent", answer)
    vendor.answers(answer)
    state = await gateway.authorize(authorize())
    assert stripe_judge.check_request(vendor.last) == {
        "amount": 2500,
        "currency": "usd",
        "confirm": True,
        "capture_method": "manual",
        "payment_method": "pm_card_visa",
        "payment_method_types": ["card"],
        "description": "Order 1001",
        "error_on_requires_action": True,
        "metadata": {"order": "shop-1001", "key": "shop-1001:t1:authorize:1"},
    }
    assert vendor.last.headers["Idempotency-Key"] == "shop-1001:t1:authorize:1"
    assert (state.vendor_ref, state.status) == ("pi_1", PaymentStatus.AUTHORIZED)
    assert (state.amount_minor, state.capturable_minor, state.received_minor) == (2500, 2500, 0)
    assert state.currency == "USD"
    assert state.expires_at == CREATED + AUTHORIZATION_LIFETIME


async def test_a_repeat_is_the_same_request_to_the_byte(gateway, vendor, intent):
    vendor.answers(intent())
    await gateway.authorize(authorize())
    await gateway.authorize(authorize())
    first, second = vendor.requests
    assert (first.content, first.headers) == (second.content, second.headers)


async def test_a_debit_is_taken_at_once(gateway, vendor, intent, stripe_judge):
    vendor.answers(intent(status="succeeded", amount_received=2500, capture_method="automatic"))
    state = await gateway.charge(ChargeCommand(key="shop-1001:t1:charge:1", **DETAILS))
    assert stripe_judge.check_request(vendor.last)["capture_method"] == "automatic"
    assert (state.status, state.received_minor) == (PaymentStatus.CAPTURED, 2500)


async def test_a_slip_waits_to_be_paid_at_its_voucher(gateway, vendor, intent, stripe_judge):
    boleto = {"expires_at": 1_795_259_200, "hosted_voucher_url": "https://voucher.test/1"}
    answer = intent(
        status="requires_action",
        currency="brl",
        payment_method_types=["boleto"],
        next_action={"type": "boleto_display_details", "boleto_display_details": boleto},
    )
    stripe_judge.check_object("payment_intent", answer)
    vendor.answers(answer)
    state = await gateway.begin_slip(slip())
    form = stripe_judge.check_request(vendor.last)
    assert form["payment_method_types"] == ["boleto"]
    assert form["payment_method_options"] == {"boleto": {"expires_after_days": 3}}
    assert state.status is PaymentStatus.PENDING
    assert state.voucher_url == "https://voucher.test/1"
    assert state.expires_at == datetime.fromtimestamp(1_795_259_200, UTC)


async def test_a_capture_names_its_amount(gateway, vendor, intent, stripe_judge):
    vendor.answers(intent(status="succeeded", amount_received=1800))
    state = await gateway.capture("shop-1001:f1:capture:1", "pi_1", 1800)
    assert vendor.last.url.path == "/v1/payment_intents/pi_1/capture"
    assert stripe_judge.check_request(vendor.last) == {"amount_to_capture": 1800}
    assert vendor.last.headers["Idempotency-Key"] == "shop-1001:f1:capture:1"
    assert (state.status, state.received_minor) == (PaymentStatus.CAPTURED, 1800)


async def test_a_void_releases_the_hold(gateway, vendor, intent, stripe_judge):
    vendor.answers(intent(status="canceled"))
    state = await gateway.void("shop-1001:t1:void:1", "pi_1")
    assert vendor.last.url.path == "/v1/payment_intents/pi_1/cancel"
    stripe_judge.check_request(vendor.last)
    assert state.status is PaymentStatus.VOIDED


async def test_a_void_of_what_is_void_is_no_error(gateway, vendor, intent):
    error = {"code": "payment_intent_unexpected_state", "payment_intent": intent(status="canceled")}
    vendor.answers({"error": error}, 400).answers(intent(status="canceled"))
    state = await gateway.void("shop-1001:t1:void:1", "pi_1")
    assert state.status is PaymentStatus.VOIDED


async def test_a_void_of_what_is_captured_is_refused(gateway, vendor, intent):
    captured = intent(status="succeeded")
    error = {"code": "payment_intent_unexpected_state", "payment_intent": captured}
    vendor.answers({"error": error}, 400)
    with pytest.raises(Rejected) as caught:
        await gateway.void("shop-1001:t1:void:1", "pi_1")
    assert caught.value.code == "already_captured"


async def test_a_refund_carries_its_own_key(gateway, vendor, refund_object, stripe_judge):
    stripe_judge.check_object("refund", refund_object)
    vendor.answers(refund_object)
    state = await gateway.refund("shop-1001:t1:refund:1", "pi_1", 700)
    assert stripe_judge.check_request(vendor.last) == {
        "payment_intent": "pi_1",
        "amount": 700,
        "reason": "requested_by_customer",
        "metadata": {"key": "shop-1001:t1:refund:1"},
    }
    assert (state.vendor_ref, state.payment_ref) == ("re_1", "pi_1")
    assert (state.status, state.amount_minor) == (RefundStatus.SUCCEEDED, 700)


async def test_a_payment_is_retrieved_by_its_reference(gateway, vendor, intent, stripe_judge):
    vendor.answers(intent(status="processing"))
    state = await gateway.retrieve("pi_1")
    stripe_judge.check_request(vendor.last)
    assert state.status is PaymentStatus.PENDING


def listed(*data, has_more: bool) -> dict:
    return {"object": "list", "url": "/v1/x", "has_more": has_more, "data": list(data)}


async def test_a_payment_is_looked_for_page_by_page(gateway, vendor, intent, stripe_judge):
    other = {"key": "shop-1:t1:authorize:1"}
    vendor.answers(listed(intent(id="pi_9", metadata=other), intent(id="pi_8"), has_more=True))
    vendor.answers(listed(intent(id="pi_7", metadata={"key": "k"}), has_more=False))
    state = await gateway.find_payment("k", CREATED)
    assert state is not None
    assert state.vendor_ref == "pi_7"
    first, second = vendor.requests
    for request in vendor.requests:
        stripe_judge.check_request(request)
    assert dict(first.url.params) == {"created[gte]": str(1_795_000_000 - 300), "limit": "100"}
    assert second.url.params["starting_after"] == "pi_8"


async def test_a_refund_is_looked_for_among_those_of_its_payment(
    gateway, vendor, refund_object, stripe_judge
):
    mine = refund_object | {"id": "re_2", "metadata": {"key": "k"}}
    vendor.answers(listed(refund_object, mine, has_more=False))
    state = await gateway.find_refund("k", "pi_1")
    stripe_judge.check_request(vendor.last)
    assert state is not None
    assert state.vendor_ref == "re_2"
    assert dict(vendor.last.url.params) == {"payment_intent": "pi_1", "limit": "100"}
    assert await gateway.find_refund("other", "pi_1") is None


async def test_a_reference_cannot_reach_another_path(gateway, vendor, intent):
    vendor.answers(intent())
    await gateway.retrieve("../refunds")
    assert vendor.last.url.raw_path == b"/v1/payment_intents/..%2Frefunds"


async def test_the_vendors_own_examples_are_read(gateway, vendor, spec_json):
    examples = spec_json("stripe/fixtures3.json")["resources"]
    vendor.answers(examples["payment_intent"]).answers(examples["refund"])
    state = await gateway.retrieve("pi_1")
    assert (state.status, state.amount_minor) == (PaymentStatus.FAILED, 1099)
    refund = await gateway.refund("k", "pi_1", 100)
    assert (refund.status, refund.payment_ref) == (RefundStatus.SUCCEEDED, "pi_1")


async def test_a_status_we_do_not_know_is_unknown(gateway, vendor, intent):
    vendor.answers(intent(status="teleported"))
    assert (await gateway.retrieve("pi_1")).status is PaymentStatus.UNKNOWN


def test_every_status_of_the_description_is_known(stripe_judge):
    from activities.connectors.payment.stripe.translate import PAYMENT_STATUS  # noqa: PLC0415

    schemas = stripe_judge._spec["components"]["schemas"]
    assert set(PAYMENT_STATUS) == set(schemas["payment_intent"]["properties"]["status"]["enum"])


def test_stripe_captures_an_authorization_once(gateway):
    assert Capability.MULTICAPTURE not in gateway.supports


CARD = {"type": "card_error"}
REQUEST = {"type": "invalid_request_error"}


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (402, CARD | {"code": "card_declined", "decline_code": "stolen"}, "payment_declined"),
        (402, CARD | {"code": "authentication_required"}, "payment_declined"),
        (400, REQUEST | {"code": "amount_too_small", "param": "amount"}, "amount_invalid"),
        (400, REQUEST | {"param": "amount_to_capture"}, "amount_invalid"),
        (400, REQUEST | {"param": "amount"}, "amount_invalid"),
        (404, REQUEST | {"code": "resource_missing", "param": "payment_method"}, "method_invalid"),
        (404, REQUEST | {"code": "resource_missing", "param": "intent"}, "other"),
        (400, REQUEST | {"code": "charge_already_refunded"}, "already_refunded"),
        (400, REQUEST | {"code": "charge_expired_for_capture"}, "expired_authorization"),
        (400, REQUEST | {"code": "charge_already_captured"}, "already_captured"),
        (400, {}, "other"),
    ],
)
async def test_a_refusal_says_why_in_our_words(gateway, vendor, status, error, code):
    vendor.answers({"error": error | {"message": "No."}}, status)
    with pytest.raises(Rejected) as caught:
        await gateway.capture("k", "pi_1", 100)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("state", "code"),
    [("succeeded", "already_captured"), ("canceled", "expired_authorization"), ("x", "other")],
)
async def test_a_capture_refused_by_state_says_which(gateway, vendor, intent, state, code):
    error = {"code": "payment_intent_unexpected_state", "payment_intent": intent(status=state)}
    vendor.answers({"error": REQUEST | error}, 400)
    with pytest.raises(Rejected) as caught:
        await gateway.capture("k", "pi_1", 100)
    assert caught.value.code == code


async def test_a_key_whose_first_request_still_runs_is_not_a_no(gateway, vendor):
    vendor.answers({"error": REQUEST | {"code": "idempotency_key_in_use"}}, 409)
    with pytest.raises(OutcomeUnknown):
        await gateway.authorize(authorize())


async def test_a_key_used_with_another_body_wakes_a_person(gateway, vendor):
    vendor.answers({"error": {"type": "idempotency_error"}}, 400)
    with pytest.raises(Misconfigured):
        await gateway.authorize(authorize())


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"currency": "KWD", "amount_minor": 1001},
        {"currency": "ISK"},
        {"currency": "UGX"},
    ],
    ids=str,
)
async def test_an_amount_stripe_would_misread_is_not_sent(gateway, vendor, changes):
    with pytest.raises(Rejected) as caught:
        await gateway.authorize(authorize(**changes))
    assert caught.value.code == "amount_invalid"
    assert vendor.requests == []


async def test_yen_are_sent_without_decimals(gateway, vendor, intent, stripe_judge):
    vendor.answers(intent(currency="jpy"))
    state = await gateway.authorize(authorize(currency="JPY"))
    assert stripe_judge.check_request(vendor.last)["amount"] == 2500
    assert state.amount_minor == 2500
