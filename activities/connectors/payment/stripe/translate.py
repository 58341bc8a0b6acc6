"""Our payment commands in Stripe's form fields, and Stripe's objects and errors in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from activities.connectors.errors import (
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    Rejected,
)
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentRecord,
    PaymentState,
    PaymentStatus,
    RefundState,
    RefundStatus,
    RejectionCode,
    SlipCommand,
)
from activities.connectors.payment.stripe.wire import (
    LatestCharge,
    ListedIntent,
    PaymentIntent,
    Refund,
)
from domain.money import exponent

VENDOR: Final = "stripe"
Form = dict[str, str]

PAYMENT_STATUS: Final[dict[str, PaymentStatus]] = {
    "requires_capture": PaymentStatus.AUTHORIZED,
    "succeeded": PaymentStatus.CAPTURED,
    "processing": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.PENDING,
    "requires_confirmation": PaymentStatus.PENDING,
    "requires_payment_method": PaymentStatus.FAILED,
    "canceled": PaymentStatus.VOIDED,
}
REFUND_STATUS: Final[dict[str, RefundStatus]] = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
# Source: https://docs.stripe.com/error-codes
REJECTION: Final[dict[str, RejectionCode]] = {
    "amount_too_large": "amount_invalid",
    "amount_too_small": "amount_invalid",
    "invalid_charge_amount": "amount_invalid",
    "charge_already_captured": "already_captured",
    "charge_already_refunded": "already_refunded",
    "charge_expired_for_capture": "expired_authorization",
    "payment_intent_authentication_failure": "payment_declined",
    "payment_intent_payment_attempt_failed": "payment_declined",
    "payment_method_invalid_parameter": "method_invalid",
    "payment_method_not_available": "method_invalid",
    "payment_method_unactivated": "method_invalid",
    "payment_method_unexpected_state": "method_invalid",
    "payment_method_unsupported_type": "method_invalid",
}
# Refused because of where the intent already stands.
STATE_REJECTION: Final[dict[str, RejectionCode]] = {
    "succeeded": "already_captured",
    "canceled": "expired_authorization",
}
PARAM_REJECTION: Final[dict[str, RejectionCode]] = {
    "amount": "amount_invalid",
    "amount_to_capture": "amount_invalid",
    "payment_method": "method_invalid",
    "payment_method_types": "method_invalid",
}
# Stripe counts these in hundreds though ISO 4217 gives them no decimals, and a capture does not
# name its currency: refused until it does. Source: https://docs.stripe.com/currencies#special-cases
COUNTED_OTHERWISE: Final = frozenset({"ISK", "UGX"})
# Stripe rounds nothing: the last of three decimals has to be zero.
THREE_DECIMALS: Final = 3
# Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method (cards, online)
AUTHORIZATION_LIFETIME: Final = timedelta(days=7)
MAX_DESCRIPTION: Final = 1000  # the specification's own limit


def amount_to_wire(amount_minor: int, currency: str) -> int:
    """Raises: Rejected "amount_invalid" for what Stripe would refuse, or would misread."""
    if amount_minor <= 0:
        raise Rejected(VENDOR, f"{amount_minor} is no amount to ask for", "amount_invalid")
    if currency in COUNTED_OTHERWISE:
        raise Rejected(VENDOR, f"{currency} is not supported", "amount_invalid")
    if exponent(currency) == THREE_DECIMALS and amount_minor % 10:
        raise Rejected(VENDOR, f"{currency} amounts must end in zero", "amount_invalid")
    return amount_minor


def authorize_to_wire(command: AuthorizeCommand) -> Form:
    return _intent(command, "card") | {"capture_method": "manual"} | _NO_CUSTOMER_PRESENT


def charge_to_wire(command: ChargeCommand) -> Form:
    return _intent(command, "card") | {"capture_method": "automatic"} | _NO_CUSTOMER_PRESENT


def slip_to_wire(command: SlipCommand) -> Form:
    days = {"payment_method_options[boleto][expires_after_days]": str(command.expires_after_days)}
    return _intent(command, "boleto") | {"capture_method": "automatic"} | days


def capture_to_wire(amount: int) -> Form:
    # No metadata: it would overwrite the key the intent was begun with.
    return {"amount_to_capture": str(amount)}


def refund_to_wire(key: str, vendor_ref: str, amount: int) -> Form:
    return {
        "payment_intent": vendor_ref,
        "amount": str(amount),
        "reason": "requested_by_customer",
        "metadata[key]": key,
    }


# Nobody is there to pass a 3-D Secure page once the order is placed: that card is declined.
_NO_CUSTOMER_PRESENT: Final[Form] = {"error_on_requires_action": "true"}


def _intent(command: AuthorizeCommand | ChargeCommand | SlipCommand, method_type: str) -> Form:
    return {
        "amount": str(amount_to_wire(command.amount_minor, command.currency)),
        "currency": command.currency.lower(),
        "confirm": "true",
        "payment_method": command.method,
        "payment_method_types[0]": method_type,
        "description": command.description[:MAX_DESCRIPTION],
        "metadata[order]": command.order_id,
        "metadata[key]": command.key,
    }


def state_from_wire(intent: PaymentIntent) -> PaymentState:
    status = PAYMENT_STATUS.get(intent.status, PaymentStatus.UNKNOWN)
    boleto = intent.next_action.boleto_display_details if intent.next_action else None
    return PaymentState(
        vendor_ref=intent.id,
        status=status,
        amount_minor=intent.amount,
        capturable_minor=intent.amount_capturable,
        received_minor=intent.amount_received,
        currency=intent.currency.upper(),
        expires_at=_expiry(intent, status),
        voucher_url=boleto.hosted_voucher_url if boleto else None,
    )


def record_from_wire(intent: ListedIntent) -> PaymentRecord:
    return PaymentRecord(
        vendor_ref=intent.id,
        status=PAYMENT_STATUS.get(intent.status, PaymentStatus.UNKNOWN),
        amount_minor=intent.amount,
        received_minor=intent.amount_received,
        refunded_minor=_given_back(intent.latest_charge),
        currency=intent.currency.upper(),
        key=intent.metadata.get("key"),
    )


def _given_back(charge: LatestCharge | None) -> int:
    """A capture of less than was held counts its rest as refunded, too: that was never taken.

    Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method#capture-funds
    """
    if charge is None or not charge.amount_captured:
        return 0
    return charge.amount_refunded - (charge.amount - charge.amount_captured)


def _expiry(intent: PaymentIntent, status: PaymentStatus) -> datetime | None:
    boleto = intent.next_action.boleto_display_details if intent.next_action else None
    if boleto and boleto.expires_at is not None:
        return datetime.fromtimestamp(boleto.expires_at, UTC)
    if status is PaymentStatus.AUTHORIZED:
        return datetime.fromtimestamp(intent.created, UTC) + AUTHORIZATION_LIFETIME
    return None


def refund_from_wire(refund: Refund, payment_ref: str) -> RefundState:
    return RefundState(
        vendor_ref=refund.id,
        payment_ref=refund.payment_intent or payment_ref,
        status=REFUND_STATUS.get(refund.status or "", RefundStatus.UNKNOWN),
        amount_minor=refund.amount,
        currency=refund.currency.upper(),
    )


def refusal(status: int, body: Mapping[str, Any]) -> ConnectorError:
    """What a 4xx of Stripe's means. Source: https://docs.stripe.com/api/errors"""
    raw = body.get("error")
    error: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    detail = f"{status} {code or kind}: {error.get('message') or 'no message'}"
    if code == "idempotency_key_in_use":
        # The first request with this key is still running at Stripe.
        return OutcomeUnknown(VENDOR, detail)
    if kind == "idempotency_error":
        return Misconfigured(VENDOR, f"a key was used again with another body: {detail}")
    return Rejected(VENDOR, detail, _rejection(error, code, kind))


def _rejection(error: Mapping[str, Any], code: str, kind: str) -> RejectionCode:
    if kind == "card_error":
        return "payment_declined"
    if code in REJECTION:
        return REJECTION[code]
    intent = error.get("payment_intent")
    state = str(intent.get("status")) if isinstance(intent, dict) else ""
    if code == "payment_intent_unexpected_state" and state in STATE_REJECTION:
        return STATE_REJECTION[state]
    return PARAM_REJECTION.get(str(error.get("param") or ""), "other")
