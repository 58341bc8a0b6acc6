"""What every payment gateway promises, run over each vendor and the fake; add yours to SUBJECTS."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from activities.connectors.errors import Misconfigured, Rejected
from activities.connectors.payment.fake import FakePayments
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentGateway,
    PaymentStatus,
    RefundStatus,
    SlipCommand,
)
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client
from activities.connectors.port import UnknownRule
from tests.activities.connectors.contract import ON_EVERY_WIRE, TROUBLES, Wire, by_the_rule
from tests.sandbox.world import World, living

AMOUNT_MINOR = 2_500
NUMBERS = itertools.count(1)


class Subject(Protocol):
    """A gateway, how its vendor is made to fail, and the vendor's own books."""

    gateway: PaymentGateway

    def method(self, verb: str, trouble: str) -> str:
        """The payment method to begin with, so that `verb` will meet `trouble`."""
        ...

    def arm(self, trouble: str) -> None:
        """From the next call on."""
        ...

    async def effects(self, verb: str, order_id: str) -> int:
        """How often the vendor did it."""
        ...

    async def forget_keys(self) -> None: ...


class Fake:
    def __init__(self) -> None:
        self.gateway = FakePayments()

    def method(self, verb: str, trouble: str) -> str:
        return f"fake:{verb}:{trouble}"

    def arm(self, trouble: str) -> None:
        """It was told by the method."""

    async def effects(self, verb: str, order_id: str) -> int:
        return sum(
            (effect.verb, effect.order_id) == (verb, order_id) for effect in self.gateway.ledger
        )

    async def forget_keys(self) -> None:
        self.gateway.forget_keys()


class Stripe:
    def __init__(self, world: World) -> None:
        self._world = world
        self._wire = Wire(
            world.stripe._transport,
            {
                "incomplete": lambda answer: {k: v for k, v in answer.items() if k != "id"},
                "other_id": lambda answer: (
                    answer | {"id": "pi_other", "payment_intent": "pi_other"}
                ),
                "other_amount": lambda answer: (
                    answer | {"amount": answer["amount"] + 1, "amount_received": 1}
                ),
                "other_currency": lambda answer: answer | {"currency": "eur"},
            },
        )
        client = stripe_client("http://sandbox/stripe", "sk_sandbox", transport=self._wire)
        self.gateway = StripeGateway(client)

    def method(self, verb: str, trouble: str) -> str:
        if trouble == "declined":
            return "pm_card_chargeDeclined"
        return "pm_boleto_never" if verb == "begin_slip" else "pm_card_visa"

    def arm(self, trouble: str) -> None:
        if trouble not in ("", "declined"):
            self._wire.meet(trouble, 99 if trouble == "unauthorized" else None)

    async def effects(self, verb: str, order_id: str) -> int:
        if verb == "begin_slip":  # no money moves, and its ledger is about money
            listed = (await self._world.stripe.get("/payment_intents")).json()["data"]
            return sum(intent["metadata"]["order"] == order_id for intent in listed)
        lines = [line for line in await self._world.ledger("payments") if line["order"] == order_id]
        column = {"authorize": "authorizations", "charge": "captures", "capture": "captures",
                  "void": "canceled", "refund": "refunds"}[verb]  # fmt: skip
        return sum(int(line[column]) for line in lines)

    async def forget_keys(self) -> None:
        await self._world.control.delete("/stripe/keys")


@asynccontextmanager
async def fake(folder: Any) -> AsyncIterator[Subject]:
    del folder
    yield Fake()


@asynccontextmanager
async def stripe(folder: Any) -> AsyncIterator[Subject]:
    async with living(folder) as world:
        yield Stripe(world)


SUBJECTS = {"fake": fake, "stripe": stripe}
# Verb to what an answer of it says that we also asked for.
TOLD = {
    "authorize": ("other_amount", "other_currency"),
    "charge": ("other_amount", "other_currency"),
    "begin_slip": ("other_amount", "other_currency"),
    "capture": ("other_id", "other_amount"),
    "void": ("other_id",),
    "refund": ("other_id", "other_amount"),
}
MET = [(verb, each) for verb, told in TOLD.items() for each in ON_EVERY_WIRE + told]
Act = Callable[[], Awaitable[Any]]


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Subject]:
    async with SUBJECTS[request.param](tmp_path) as made:
        yield made


def new_order() -> str:
    return f"shop-{next(NUMBERS)}"


def command(verb: str, order_id: str, method: str) -> dict[str, Any]:
    return {
        "key": f"{order_id}:t1:{verb}:1",
        "amount_minor": AMOUNT_MINOR,
        "currency": "BRL",
        "method": method,
        "order_id": order_id,
        "description": f"Order {order_id}",
    }


async def prepared(subject: Subject, verb: str, order_id: str, trouble: str = "") -> Act:
    """Do what must come before, arm the trouble, and return the act."""
    gateway = subject.gateway
    about = command(verb, order_id, subject.method(verb, trouble))
    key = about["key"]
    if verb in ("capture", "void"):
        begun = about | {"key": f"{order_id}:t1:authorize:1"}
        ref = (await gateway.authorize(AuthorizeCommand(**begun))).vendor_ref
    elif verb == "refund":
        begun = about | {"key": f"{order_id}:t1:charge:1"}
        ref = (await gateway.charge(ChargeCommand(**begun))).vendor_ref
    acts: dict[str, Act] = {
        "authorize": lambda: gateway.authorize(AuthorizeCommand(**about)),
        "charge": lambda: gateway.charge(ChargeCommand(**about)),
        "begin_slip": lambda: gateway.begin_slip(SlipCommand(**about, expires_after_days=3)),
        "capture": lambda: gateway.capture(key, ref, AMOUNT_MINOR),
        "void": lambda: gateway.void(key, ref),
        "refund": lambda: gateway.refund(key, ref, AMOUNT_MINOR),
    }
    subject.arm(trouble)
    return acts[verb]


@pytest.mark.parametrize(("verb", "trouble"), MET)
async def test_whatever_a_call_meets_it_has_one_effect(
    subject: Subject, verb: str, trouble: str
) -> None:
    order_id = new_order()
    act = await prepared(subject, verb, order_id, trouble)
    rule = subject.gateway.unknown_rules[verb]
    assert rule is UnknownRule.SAME_KEY, "money is never simply asked for again"
    answer = await by_the_rule(rule, TROUBLES[trouble], act, act)
    assert answer.amount_minor == AMOUNT_MINOR
    assert await subject.effects(verb, order_id) == 1


@pytest.mark.parametrize("verb", TOLD)
async def test_a_repeat_with_the_same_key_is_the_same_answer(subject: Subject, verb: str) -> None:
    order_id = new_order()
    act = await prepared(subject, verb, order_id)
    first = await act()
    assert await act() == first
    assert first.vendor_ref
    assert await subject.effects(verb, order_id) == 1


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("authorize", PaymentStatus.AUTHORIZED),
        ("charge", PaymentStatus.CAPTURED),
        ("begin_slip", PaymentStatus.PENDING),
        ("capture", PaymentStatus.CAPTURED),
        ("void", PaymentStatus.VOIDED),
        ("refund", RefundStatus.SUCCEEDED),
    ],
)
async def test_each_verb_says_what_it_did(subject: Subject, verb: str, status: object) -> None:
    act = await prepared(subject, verb, new_order())
    answer = await act()
    assert (answer.status, answer.currency) == (status, "BRL")


@pytest.mark.parametrize("verb", TOLD)
async def test_refused_credentials_wake_a_person(subject: Subject, verb: str) -> None:
    order_id = new_order()
    act = await prepared(subject, verb, order_id, "unauthorized")
    with pytest.raises(Misconfigured):
        await act()
    assert await subject.effects(verb, order_id) == 0


@pytest.mark.parametrize("verb", ["authorize", "charge"])
async def test_a_decline_is_a_business_refusal_and_is_remembered(
    subject: Subject, verb: str
) -> None:
    order_id = new_order()
    act = await prepared(subject, verb, order_id, "declined")
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            await act()
        assert caught.value.code == "payment_declined"
    assert await subject.effects(verb, order_id) == 0


async def test_what_is_void_is_void_under_any_key(subject: Subject) -> None:
    order_id = new_order()
    void = await prepared(subject, "void", order_id)
    state = await void()
    again = await subject.gateway.void(f"{order_id}:t1:void:2", state.vendor_ref)
    assert again.status is PaymentStatus.VOIDED


async def test_what_was_captured_is_neither_captured_again_nor_voided(subject: Subject) -> None:
    order_id = new_order()
    state = await (await prepared(subject, "capture", order_id))()
    for act in (
        subject.gateway.capture(f"{order_id}:f2:capture:1", state.vendor_ref, AMOUNT_MINOR),
        subject.gateway.void(f"{order_id}:t1:void:1", state.vendor_ref),
    ):
        with pytest.raises(Rejected) as caught:
            await act
        assert caught.value.code == "already_captured"
    assert await subject.effects("capture", order_id) == 1


async def test_past_the_window_a_payment_is_found_by_the_key_it_was_begun_with(
    subject: Subject,
) -> None:
    order_id, begun_at = new_order(), datetime.now(UTC)
    state = await (await prepared(subject, "authorize", order_id))()
    for _ in range(3):
        await (await prepared(subject, "authorize", new_order()))()
    await subject.forget_keys()
    find = subject.gateway.find_payment
    assert await find(f"{order_id}:t1:authorize:1", begun_at) == state
    assert await find(f"{order_id}:t1:authorize:2", begun_at) is None


async def test_past_the_window_a_refund_is_found_by_its_key(subject: Subject) -> None:
    order_id = new_order()
    refund = await (await prepared(subject, "refund", order_id))()
    await subject.forget_keys()
    find = subject.gateway.find_refund
    assert await find(f"{order_id}:t1:refund:1", refund.payment_ref) == refund
    assert await find(f"{order_id}:t1:refund:2", refund.payment_ref) is None


def test_the_window_leaves_time_for_the_call_itself(subject: Subject) -> None:
    assert 0 < subject.gateway.key_window_s < timedelta(days=1).total_seconds()
