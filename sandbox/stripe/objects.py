"""Builds Stripe's JSON: intents, charges, refunds, events, complete as API 2023-08-16 has them."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from sandbox.store import Tx, new_id
from sandbox.stripe.methods import METHODS, Decline, Method

API_VERSION: Final = "2023-08-16"
INTENT: Final = "stripe.intent"
REFUND: Final = "stripe.refund"

Json = dict[str, Any]

NO_BILLING: Final = {
    "address": {
        "city": None, "country": None, "line1": None,
        "line2": None, "postal_code": None, "state": None,
    },
    "email": None, "name": None, "phone": None,
}  # fmt: skip


def new_intent(tx: Tx, **given: Any) -> Json:
    key = new_id("pi_")
    return {
        "id": key,
        "object": "payment_intent",
        "amount": given["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": given.get("automatic_payment_methods"),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": given["capture_method"],
        "client_secret": new_id(f"{key}_secret_"),
        "confirmation_method": "automatic",
        "created": int(tx.now),
        "currency": given["currency"],
        "customer": None,
        "description": given.get("description"),
        "invoice": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": given["metadata"],
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": given.get("payment_method"),
        "payment_method_options": {},
        "payment_method_types": given["payment_method_types"],
        "processing": None,
        "receipt_email": given.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "statement_descriptor_suffix": None,
        "status": "requires_confirmation"
        if given.get("payment_method")
        else "requires_payment_method",
        "transfer_data": None,
        "transfer_group": given.get("transfer_group"),
    }


def new_charge(tx: Tx, intent: Json, *, captured: bool, decline: Decline | None = None) -> Json:
    method = METHODS[intent["payment_method"]]
    return {
        "id": new_id("ch_"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": new_id("txn_") if captured else None,
        "billing_details": NO_BILLING,
        "calculated_statement_descriptor": None,
        "captured": captured,
        "created": int(tx.now),
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "invoice": None,
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": _details(method),
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _outcome(decline: Decline | None) -> Json:
    return {
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.decline_code if decline else None,
        "risk_level": "normal",
        "seller_message": "The bank declined the payment." if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


def _details(method: Method) -> Json:
    if method.kind == "boleto":
        return {"type": "boleto", "boleto": {"tax_id": "000.000.000-00"}}
    card = {
        "brand": method.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": "sandboxfingerpri",
        "funding": method.funding,
        "installments": None,
        "last4": method.last4,
        "mandate": None,
        "network": method.brand,
        "three_d_secure": None,
        "wallet": None,
    }
    return {"type": "card", "card": card}


def payment_method(key: str, created: int) -> Json:
    """The method as errors embed it."""
    method = METHODS[key]
    document: Json = {
        "id": key,
        "object": "payment_method",
        "billing_details": NO_BILLING,
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": method.kind,
    }
    if method.kind == "boleto":
        return {**document, "boleto": {"tax_id": "000.000.000-00"}}
    card = {
        "brand": method.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": "sandboxfingerpri",
        "funding": method.funding,
        "generated_from": None,
        "last4": method.last4,
        "networks": {"available": [method.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return {**document, "card": card}


def new_refund(tx: Tx, intent: Json, amount: int, reason: str | None, metadata: Json) -> Json:
    return {
        "id": new_id("re_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn_"),
        "charge": intent["latest_charge"],
        "created": int(tx.now),
        "currency": intent["currency"],
        "metadata": metadata,
        "payment_intent": intent["id"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def emit(tx: Tx, topic: str, document: Json, *, idempotency_key: str | None = None) -> None:
    """Queue an Event about a snapshot of `document`."""
    key = new_id("evt_")
    event = {
        "id": key,
        "object": "event",
        "api_version": API_VERSION,
        "created": int(tx.now),
        "data": {"object": document},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {
            "id": new_id("req_", 14) if idempotency_key else None,
            "idempotency_key": idempotency_key,
        },
        "type": topic,
    }
    tx.emit("stripe", topic, key, json.dumps(event))


def page(url: str, documents: Iterable[Json], limit: int) -> Json:
    """Stripe's list; one document beyond the limit says there are more."""
    data = list(islice(documents, limit + 1))
    return {"object": "list", "url": url, "has_more": len(data) > limit, "data": data[:limit]}
