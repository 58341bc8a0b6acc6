"""What every payment gateway promises, run over each of them; add yours to GATEWAYS."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from activities.connectors.errors import (
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentGateway,
    SlipCommand,
)
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client
from activities.connectors.port import UnknownRule


def stripe(transport: httpx.MockTransport) -> PaymentGateway:
    return StripeGateway(stripe_client("http://vendor.test", "sk_test_1", transport=transport))


# A gateway, and how its vendor says "declined".
GATEWAYS: dict[str, tuple[Callable[..., PaymentGateway], int, dict[str, Any]]] = {
    "stripe": (stripe, 402, {"error": {"type": "card_error", "code": "card_declined"}}),
}

DETAILS = {
    "amount_minor": 2500,
    "currency": "BRL",
    "method": "pm_1",
    "order_id": "shop-1001",
    "description": "Order 1001",
}
Act = Callable[[PaymentGateway], Awaitable[Any]]
ACTS: dict[str, Act] = {
    "authorize": lambda g: g.authorize(AuthorizeCommand(key="k1", **DETAILS)),
    "charge": lambda g: g.charge(ChargeCommand(key="k1", **DETAILS)),
    "begin_slip": lambda g: g.begin_slip(SlipCommand(key="k1", expires_after_days=3, **DETAILS)),
    "capture": lambda g: g.capture("k1", "ref_1", 2500),
    "void": lambda g: g.void("k1", "ref_1"),
    "refund": lambda g: g.refund("k1", "ref_1", 2500),
}
FAILURES = [
    (httpx.ConnectError(""), NotSent),
    (httpx.PoolTimeout(""), NotSent),
    (httpx.ReadTimeout(""), OutcomeUnknown),
    (httpx.RemoteProtocolError("cut"), OutcomeUnknown),
    (429, Throttled),
    (500, OutcomeUnknown),
    (401, Misconfigured),
    (403, Misconfigured),
]


@pytest.fixture(params=GATEWAYS)
def name(request) -> str:
    return request.param


@pytest.fixture
def gateway(name, vendor) -> PaymentGateway:
    return GATEWAYS[name][0](vendor.transport)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize(("failure", "leaf"), FAILURES, ids=str)
async def test_every_failure_says_whether_it_happened(gateway, vendor, act, failure, leaf):
    if isinstance(failure, Exception):
        vendor.fails(failure)
    else:
        vendor.answers({}, failure)
    with pytest.raises(leaf) as caught:
        await act(gateway)
    assert type(caught.value) is leaf
    assert caught.value.vendor == gateway.vendor


@pytest.mark.parametrize("act", ["authorize", "charge", "begin_slip"])
async def test_a_decline_is_a_business_refusal(name, gateway, vendor, act):
    _, status, body = GATEWAYS[name]
    vendor.answers(body, status)
    with pytest.raises(Rejected) as caught:
        await ACTS[act](gateway)
    assert caught.value.code == "payment_declined"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_repeat_with_the_same_key_is_the_same_request(gateway, vendor, act):
    vendor.fails(httpx.ReadTimeout(""))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await act(gateway)
    first, second = vendor.requests
    assert (first.method, first.url, first.content) == (second.method, second.url, second.content)
    assert first.headers == second.headers


def test_every_act_has_a_rule_for_an_unknown_end(gateway):
    assert set(ACTS) < set(gateway.unknown_rules)
    # Money is never simply asked for again.
    assert all(gateway.unknown_rules[act] is not UnknownRule.NONE for act in ACTS)


def test_commands_are_values():
    assert all(
        dataclasses.fields(command) for command in (AuthorizeCommand, ChargeCommand, SlipCommand)
    )
    assert AuthorizeCommand(key="k", **DETAILS) == AuthorizeCommand(key="k", **DETAILS)
