"""Stripe's webhooks: is it theirs, is it fresh, and what does it say in our words."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import pydantic

from activities.connectors.errors import InvalidSignature
from activities.connectors.payment.port import NoticeKind, PaymentNotice
from activities.connectors.payment.stripe.wire import Charge, Event, PaymentIntent
from activities.connectors.signatures import any_matches

TOLERANCE_S: Final = 300  # Stripe's own default
KIND: Final[dict[str, NoticeKind]] = {
    "payment_intent.succeeded": "paid",
    "payment_intent.payment_failed": "failed",
    "payment_intent.amount_capturable_updated": "authorized",
    "payment_intent.canceled": "voided",
    "charge.refunded": "refunded",
}


def verify(
    payload: bytes,
    signature_header: str,
    secrets: Sequence[str],
    now_s: int,
    tolerance_s: int = TOLERANCE_S,
) -> None:
    """Raises: InvalidSignature. Source: https://docs.stripe.com/webhooks#verify-manually"""
    timestamp, given = _read(signature_header)
    if not any_matches(f"{timestamp}.".encode() + payload, given, secrets):
        raise InvalidSignature("no secret of ours signed this")
    if abs(now_s - timestamp) > tolerance_s:
        raise InvalidSignature("signed too long ago")


def _read(header: str) -> tuple[int, tuple[bytes, ...]]:
    pairs = [item.strip().partition("=") for item in header.split(",")]
    try:
        timestamp = next(int(value) for name, _, value in pairs if name == "t")
        given = tuple(bytes.fromhex(value) for name, _, value in pairs if name == "v1")
    except (StopIteration, ValueError):
        raise InvalidSignature("the signature header cannot be read") from None
    return timestamp, given


def parse(payload: bytes) -> PaymentNotice:
    """Raises: ValueError when it is no Stripe event, or lacks what its type promises."""
    event = Event.model_validate_json(payload)
    kind = KIND.get(event.type, "other")
    if kind == "other":
        return _other(event)
    if kind == "refunded":
        charge = Charge.model_validate(event.data.object)
        return _notice(event, kind, charge, charge.amount_refunded)
    intent = PaymentIntent.model_validate(event.data.object)
    amounts = {"paid": intent.amount_received, "authorized": intent.amount_capturable}
    return _notice(event, kind, intent, amounts.get(kind, intent.amount))


def _notice(
    event: Event, kind: NoticeKind, subject: PaymentIntent | Charge, amount: int
) -> PaymentNotice:
    ref = subject.id if isinstance(subject, PaymentIntent) else subject.payment_intent
    return PaymentNotice(
        event_id=event.id,
        kind=kind,
        vendor_ref=ref or subject.id,
        order_id=subject.metadata.get("order"),
        amount_minor=amount,
        occurred_at=datetime.fromtimestamp(event.created, UTC),
        currency=subject.currency.upper(),
        key=subject.metadata.get("key"),
    )


def _other(event: Event) -> PaymentNotice:
    """An event we do not act on; about a payment it still carries its ids."""
    try:
        intent = PaymentIntent.model_validate(event.data.object)
    except pydantic.ValidationError:
        when = datetime.fromtimestamp(event.created, UTC)
        ref = str(event.data.object.get("id") or event.id)
        return PaymentNotice(event.id, "other", ref, None, 0, when)
    return _notice(event, "other", intent, intent.amount)
