"""Stripe's own list of payments: asked as its description allows, read in our words."""

from datetime import UTC, datetime

import pytest

from activities.connectors.payment.port import PaymentPage, PaymentRecord, PaymentStatus
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client

SINCE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def gateway(vendor) -> StripeGateway:
    client = stripe_client("https://api.stripe.test", "sk_test_1", transport=vendor.transport)
    return StripeGateway(client)


def listed(*intents, more=False):
    return {
        "object": "list", "url": "/v1/payment_intents", "data": list(intents), "has_more": more,
    }  # fmt: skip


def charge(**changes):
    return {"amount": 2500, "amount_captured": 0, "amount_refunded": 0} | changes


async def test_payments_are_listed_page_by_page_with_their_charges(
    gateway, vendor, intent, stripe_judge
):
    vendor.answers(listed(intent(id="pi_2"), intent(id="pi_1"), more=True))
    vendor.answers(listed())
    first = await gateway.list_payments(SINCE, None)
    assert stripe_judge.check_request(vendor.last) == {
        "created": {"gte": int(SINCE.timestamp())},
        "limit": 100,
        "expand": ["data.latest_charge"],
    }
    assert first.next_cursor == "pi_1"
    assert await gateway.list_payments(SINCE, "pi_1") == PaymentPage((), None)
    assert stripe_judge.check_request(vendor.last)["starting_after"] == "pi_1"


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"latest_charge": charge()}, (PaymentStatus.AUTHORIZED, 0, 0)),
        ({"status": "requires_action"}, (PaymentStatus.PENDING, 0, 0)),
        (
            {"status": "canceled", "latest_charge": charge(amount_refunded=2500)},
            (PaymentStatus.VOIDED, 0, 0),
        ),
        # What was not captured counts as refunded at Stripe; it was never taken.
        (
            {"status": "succeeded", "amount_received": 1800,
             "latest_charge": charge(amount_captured=1800, amount_refunded=700)},
            (PaymentStatus.CAPTURED, 1800, 0),
        ),
        (
            {"status": "succeeded", "amount_received": 1800,
             "latest_charge": charge(amount_captured=1800, amount_refunded=1200)},
            (PaymentStatus.CAPTURED, 1800, 500),
        ),
    ],
)  # fmt: skip
async def test_a_payment_says_what_was_taken_and_given_back(gateway, vendor, intent, changes, read):
    vendor.answers(listed(intent(**changes)))
    page = await gateway.list_payments(SINCE, None)
    (status, received, refunded), key = read, "shop-1001:t1:authorize:1"
    assert page == PaymentPage(
        (PaymentRecord("pi_1", status, 2500, received, refunded, "USD", key),), None
    )


async def test_a_payment_of_another_program_has_no_key_of_ours(gateway, vendor, intent):
    vendor.answers(listed(intent(metadata={})))
    (payment,) = (await gateway.list_payments(SINCE, None)).payments
    assert payment.key is None
