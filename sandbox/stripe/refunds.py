"""Refunds: any number of them, together never more than was received."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.calls import Call, Reply
from sandbox.store import Tx
from sandbox.stripe.errors import missing, refused
from sandbox.stripe.forms import (
    choice,
    integer,
    known,
    metadata,
    nested,
    page_size,
    read_form,
    required,
)
from sandbox.stripe.intents import load, note, save
from sandbox.stripe.objects import REFUND, emit, new_refund, page

Json = dict[str, Any]

CREATE: Final = frozenset(
    {"amount", "charge", "expand", "metadata", "payment_intent", "reason", "instructions_email",
     "refund_application_fee", "reverse_transfer"}
)  # fmt: skip
REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")


def create(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    """A bank slip's refund succeeds at once here; the bank's own delay is left out."""
    form = read_form(call.body)
    known(form, CREATE)
    wanted = integer(form, "amount")
    if "reason" in form:
        choice(form, "reason", REASONS, "")
    held = load(tx, required(form, "payment_intent"))
    intent, charge = held["intent"], held["charge"]
    if intent["status"] != "succeeded":
        raise refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            "payment_intent_unexpected_state",
            payment_intent=intent,
        )
    amount = _amount(tx, intent, wanted)
    refund = new_refund(tx, intent, amount, form.get("reason"), metadata(form))
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    tx.put(REFUND, refund, lookup=intent["id"])
    save(tx, intent, charge)
    note(tx, intent, "refund", amount)
    emit(tx, "charge.refunded", charge, idempotency_key=call.headers.get("idempotency-key"))
    return Reply(refund)


def _amount(tx: Tx, intent: Json, wanted: int | None) -> int:
    done = sum(refund["amount"] for refund in tx.find(REFUND, intent["id"]))
    left: int = intent["amount_received"] - done
    if left == 0:
        raise refused(
            f"Charge {intent['latest_charge']} has already been refunded.",
            "charge_already_refunded",
        )
    if wanted is not None and wanted > left:
        raise refused(
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})",
            "amount_too_large",
            param="amount",
        )
    return wanted or left


def retrieve(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    refund = tx.get(REFUND, names["id"])
    if refund is None:
        raise missing("refund", names["id"], "id")
    return Reply(refund)


def list_all(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    query = nested(list(call.query.items()))
    intent = query.get("payment_intent")
    newest = tx.newest(REFUND, before=query.get("starting_after"))
    found = (refund for refund in newest if intent in (None, refund["payment_intent"]))
    return Reply(page("/v1/refunds", found, page_size(query)))
