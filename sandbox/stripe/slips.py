"""Bank slips: issued at confirmation, paid days later, never, or after they expired.

A slip paid late models a late bank settlement: Stripe first reports the intent failed at expiry,
and the money arrives all the same two days later, unless the intent was canceled in between.
"""

from typing import Any, Final

from sandbox.clock import DAY_S
from sandbox.store import Tx, new_id
from sandbox.stripe.errors import invalid
from sandbox.stripe.objects import INTENT, emit, new_charge, payment_method

Json = dict[str, Any]

PAID_AFTER_S: Final = DAY_S
PROCESSING_AFTER_S: Final = 0.8 * DAY_S
EXPIRES_AFTER_DAYS: Final = 3
LONGEST_DAYS: Final = 60
LATE_BY_S: Final = 2 * DAY_S


def issue(tx: Tx, intent: Json, fate: str, form: Json) -> None:
    """Turn the intent into a slip that waits to be paid. Raises: Refused."""
    expiry_s = _expiry_days(form) * DAY_S
    number = new_id("", 24)
    voucher = f"https://payments.stripe.com/boleto/voucher/test_{number}"
    intent["status"] = "requires_action"
    intent["payment_method_options"] = {"boleto": {"expires_after_days": _expiry_days(form)}}
    intent["next_action"] = {
        "type": "boleto_display_details",
        "boleto_display_details": {
            "expires_at": int(tx.now + tx.clock.real_s(expiry_s)),
            "hosted_voucher_url": voucher,
            "number": number,
            "pdf": f"{voucher}/pdf",
        },
    }
    if fate == "paid":
        tx.schedule("stripe.slip_processing", intent["id"], after_s=PROCESSING_AFTER_S)
        tx.schedule("stripe.slip_paid", intent["id"], after_s=PAID_AFTER_S)
        return
    tx.schedule("stripe.slip_expired", intent["id"], after_s=expiry_s)
    if fate == "late":
        tx.schedule("stripe.slip_paid_late", intent["id"], after_s=expiry_s + LATE_BY_S)


def _expiry_days(form: Json) -> int:
    options = form.get("payment_method_options") or {}
    text = (options.get("boleto") or {}).get("expires_after_days", str(EXPIRES_AFTER_DAYS))
    if not str(text).isdigit() or int(text) > LONGEST_DAYS:
        raise invalid(
            f"expires_after_days must be between 0 and {LONGEST_DAYS}",
            param="payment_method_options[boleto][expires_after_days]",
        )
    return int(text)


def processing(tx: Tx, key: str) -> None:
    intent = _waiting(tx, key, "requires_action")
    if intent is None:
        return
    intent.update(status="processing", next_action=None)
    _save(tx, intent, None)
    emit(tx, "payment_intent.processing", intent)


def paid(tx: Tx, key: str) -> None:
    intent = _waiting(tx, key, "processing", "requires_action")
    if intent is not None:
        _succeed(tx, intent)


def expired(tx: Tx, key: str) -> None:
    intent = _waiting(tx, key, "requires_action")
    if intent is None:
        return
    slip = payment_method(intent["payment_method"], intent["created"])
    intent.update(
        status="requires_payment_method",
        next_action=None,
        last_payment_error={
            "type": "invalid_request_error",
            "code": "payment_intent_payment_attempt_expired",
            "message": "The payment attempt expired before the boleto was paid.",
            "payment_method": slip,
        },
    )
    _save(tx, intent, None)
    emit(tx, "payment_intent.payment_failed", intent)


def paid_late(tx: Tx, key: str) -> None:
    intent = _waiting(tx, key, "requires_payment_method")
    if intent is not None:
        _succeed(tx, intent)


def _succeed(tx: Tx, intent: Json) -> None:
    charge = new_charge(tx, intent, captured=True)
    intent.update(
        status="succeeded",
        next_action=None,
        last_payment_error=None,
        amount_received=intent["amount"],
        latest_charge=charge["id"],
    )
    _save(tx, intent, charge)
    for operation in ("authorize", "capture"):
        tx.record(
            "stripe",
            operation,
            intent["id"],
            intent["amount"],
            currency=intent["currency"],
            metadata=intent["metadata"],
        )
    emit(tx, "payment_intent.succeeded", intent)


def _waiting(tx: Tx, key: str, *statuses: str) -> Json | None:
    held = tx.get(INTENT, key)
    if held is None or held["intent"]["status"] not in statuses:
        return None
    intent: Json = held["intent"]
    return intent


def _save(tx: Tx, intent: Json, charge: Json | None) -> None:
    tx.put(INTENT, {"id": intent["id"], "intent": intent, "charge": charge})


EFFECTS: Final = {
    "stripe.slip_processing": processing,
    "stripe.slip_paid": paid,
    "stripe.slip_expired": expired,
    "stripe.slip_paid_late": paid_late,
}
