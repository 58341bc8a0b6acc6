"""PaymentIntents: create, confirm, capture once, cancel; a decline is an intent that failed."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.calls import Call, Reply
from sandbox.store import Tx
from sandbox.stripe import slips
from sandbox.stripe.errors import declined, envelope, invalid, missing, refused
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
from sandbox.stripe.methods import (
    BOLETO_CURRENCY,
    BOLETO_MINIMUM,
    MAXIMUM,
    METHODS,
    MINIMUM,
    Decline,
    Method,
)
from sandbox.stripe.objects import INTENT, emit, new_charge, new_intent, page, payment_method

Json = dict[str, Any]

CREATE: Final = frozenset(
    {
        "amount", "currency", "automatic_payment_methods", "capture_method", "confirm",
        "confirmation_method", "customer", "description", "error_on_requires_action", "expand",
        "metadata", "off_session", "payment_method", "payment_method_data",
        "payment_method_options", "payment_method_types", "receipt_email", "return_url",
        "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
    }
)  # fmt: skip
CONFIRM: Final = frozenset(
    {"expand", "off_session", "payment_method", "payment_method_options", "receipt_email",
     "return_url", "shipping"}
)  # fmt: skip
CAPTURE: Final = frozenset(
    {"amount_to_capture", "application_fee_amount", "expand", "statement_descriptor",
     "statement_descriptor_suffix"}
)  # fmt: skip
CANCEL: Final = frozenset({"cancellation_reason", "expand"})
REASONS: Final = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
CANCELABLE: Final = (
    "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action",
    "processing",
)  # fmt: skip
CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation")
COMPARE: Final = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def create(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    form = read_form(call.body)
    known(form, CREATE)
    amount, currency = _money(form)
    method_id = form.get("payment_method")
    method = None if method_id is None else _method(str(method_id))
    intent = new_intent(
        tx,
        amount=amount,
        currency=currency,
        capture_method=choice(form, "capture_method", ("automatic", "manual"), "automatic"),
        payment_method=method_id,
        payment_method_types=_types(form, method, currency),
        automatic_payment_methods=_automatic(form),
        metadata=metadata(form),
        description=form.get("description"),
        receipt_email=form.get("receipt_email"),
        statement_descriptor=form.get("statement_descriptor"),
        transfer_group=form.get("transfer_group"),
    )
    if form.get("confirm") == "true":
        return _confirmed(tx, call, intent, form)
    save(tx, intent, None)
    emit(tx, "payment_intent.created", intent, idempotency_key=_key(call))
    return Reply(intent)


def confirm(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:
    form = read_form(call.body)
    known(form, CONFIRM)
    intent = load(tx, names["id"])["intent"]
    if intent["status"] not in CONFIRMABLE:
        raise unexpected(intent, "confirmed", CONFIRMABLE)
    if "payment_method" in form:
        _method(form["payment_method"])
        intent["payment_method"] = form["payment_method"]
    return _confirmed(tx, call, intent, form)


def _confirmed(tx: Tx, call: Call, intent: Json, form: Json) -> Reply:
    if intent["payment_method"] is None:
        raise refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
        )
    _redirect_answered(intent, form)
    method = _method(intent["payment_method"])
    if method.kind not in intent["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method.kind}) is not allowed for this PaymentIntent.",
            param="payment_method",
        )
    _slip_allowed(method, intent)
    intent["last_payment_error"] = None
    if method.decline:
        return _declined(tx, call, intent, method.decline)
    if method.slip:
        slips.issue(tx, intent, method.slip, form)
        save(tx, intent, None)
        emit(tx, "payment_intent.requires_action", intent, idempotency_key=_key(call))
        return Reply(intent)
    held = intent["capture_method"] == "manual"
    charge = new_charge(tx, intent, captured=not held)
    intent["latest_charge"] = charge["id"]
    intent["status"] = "requires_capture" if held else "succeeded"
    intent["amount_capturable" if held else "amount_received"] = intent["amount"]
    save(tx, intent, charge)
    note(tx, intent, "authorize", intent["amount"])
    if not held:
        note(tx, intent, "capture", intent["amount"])
    topic = "amount_capturable_updated" if held else "succeeded"
    emit(tx, f"payment_intent.{topic}", intent, idempotency_key=_key(call))
    return Reply(expanded(intent, charge, form))


def _declined(tx: Tx, call: Call, intent: Json, decline: Decline) -> Reply:
    charge = new_charge(tx, intent, captured=False, decline=decline)
    method = payment_method(intent["payment_method"], intent["created"])
    error = {"charge": charge["id"], "payment_method": method}
    reply = declined(decline.message, decline.code, decline.decline_code, **error)
    intent["last_payment_error"] = reply.body["error"]
    intent["latest_charge"] = charge["id"]
    intent["payment_method"] = None
    intent["status"] = "requires_payment_method"
    save(tx, intent, charge)
    note(tx, intent, "decline", 0)
    emit(tx, "payment_intent.payment_failed", intent, idempotency_key=_key(call))
    return declined(
        decline.message, decline.code, decline.decline_code, **error, payment_intent=intent
    )


def capture(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:
    """One capture an intent; what is not captured is released with it."""
    form = read_form(call.body)
    known(form, CAPTURE)
    wanted = integer(form, "amount_to_capture")
    held = load(tx, names["id"])
    intent, charge = held["intent"], held["charge"]
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "captured", ("requires_capture",))
    amount = wanted or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise refused(
            "The requested capture amount is greater than the amount you can capture for this"
            " charge.",
            "amount_too_large",
            param="amount_to_capture",
            payment_intent=intent,
        )
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    charge.update(
        captured=True,
        amount_captured=amount,
        amount_refunded=charge["amount"] - amount,
        balance_transaction=f"txn_{charge['id'][3:]}",
    )
    save(tx, intent, charge)
    note(tx, intent, "capture", amount)
    emit(tx, "payment_intent.succeeded", intent, idempotency_key=_key(call))
    return Reply(expanded(intent, charge, form))


def cancel(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:
    form = read_form(call.body)
    known(form, CANCEL)
    reason = form.get("cancellation_reason")
    if reason is not None:
        choice(form, "cancellation_reason", REASONS, "")
    held = load(tx, names["id"])
    intent, charge = held["intent"], held["charge"]
    if intent["status"] not in CANCELABLE:
        raise unexpected(intent, "canceled", CANCELABLE)
    intent.update(
        status="canceled",
        amount_capturable=0,
        canceled_at=int(tx.now),
        cancellation_reason=reason,
        next_action=None,
        processing=None,
    )
    if charge and charge["paid"] and not charge["captured"]:
        charge.update(amount_refunded=charge["amount"], refunded=True)
    save(tx, intent, charge)
    note(tx, intent, "cancel", 0)
    emit(tx, "payment_intent.canceled", intent, idempotency_key=_key(call))
    return Reply(intent)


def retrieve(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:
    held = load(tx, names["id"])
    return Reply(expanded(held["intent"], held["charge"], nested(list(call.query.items()))))


def list_all(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    query = nested(list(call.query.items()))
    within = _created(query)
    held = tx.newest(INTENT, before=query.get("starting_after"))
    wanted = query.get("expand") or []
    charged = {"expand": ["latest_charge"]} if "data.latest_charge" in wanted else {}
    intents = (
        expanded(each["intent"], each["charge"], charged) for each in held if within(each["intent"])
    )
    return Reply(page("/v1/payment_intents", intents, page_size(query)))


def _created(query: Json) -> Callable[[Json], bool]:
    """A test for `created[gte]=…` and its like. Raises: Refused."""
    given = query.get("created") or {}
    bounds = given if isinstance(given, dict) else {"gte": given, "lte": given}
    for name, bound in bounds.items():
        if name not in COMPARE or not str(bound).isdigit():
            raise invalid(f"Invalid integer: {bound}", param=f"created[{name}]")
    tests = [(COMPARE[name], int(bound)) for name, bound in bounds.items()]
    return lambda intent: all(test(intent["created"], bound) for test, bound in tests)


# -- shared with refunds and slips ------------------------------------------------------------


def load(tx: Tx, key: str) -> Json:
    """The intent and its charge. Raises: Refused."""
    held = tx.get(INTENT, key)
    if held is None:
        raise missing("payment_intent", key, "intent")
    return held


def save(tx: Tx, intent: Json, charge: Json | None) -> None:
    tx.put(INTENT, {"id": intent["id"], "intent": intent, "charge": charge})


def note(tx: Tx, intent: Json, operation: str, amount: int) -> None:
    tx.record(
        "stripe",
        operation,
        intent["id"],
        amount,
        currency=intent["currency"],
        metadata=intent["metadata"],
    )


def unexpected(intent: Json, verb: str, allowed: tuple[str, ...]) -> Exception:
    return refused(
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
        " Only a PaymentIntent with one of the following statuses may be"
        f" {verb}: {', '.join(allowed)}.",
        "payment_intent_unexpected_state",
        payment_intent=intent,
    )


def expanded(intent: Json, charge: Json | None, form: Json) -> Json:
    wanted = form.get("expand") or []
    return {**intent, "latest_charge": charge} if "latest_charge" in wanted else intent


def _key(call: Call) -> str | None:
    return call.headers.get("idempotency-key")


# -- what a request may say ---------------------------------------------------------------------


def _money(form: Json) -> tuple[int, str]:
    required(form, "amount")
    amount = integer(form, "amount") or 0
    currency = required(form, "currency")
    if currency not in MINIMUM:
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    if amount < MINIMUM[currency]:
        raise invalid(
            f"Amount must be at least {MINIMUM[currency]} (minor units) {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount > MAXIMUM:
        raise invalid(
            f"Amount must be no more than {MAXIMUM} (minor units) {currency}",
            code="amount_too_large",
            param="amount",
        )
    return amount, currency


def _method(key: str) -> Method:
    method = METHODS.get(key)
    if method is None:
        error = envelope(
            "invalid_request_error",
            f"No such PaymentMethod: '{key}'",
            code="resource_missing",
            param="payment_method",
        )
        raise invalid(error["error"]["message"], code="resource_missing", param="payment_method")
    return method


def _automatic(form: Json) -> Json | None:
    """Since 2023-08-16 an intent without named types takes what the dashboard enables."""
    if "payment_method_types" in form:
        return None
    given = form.get("automatic_payment_methods") or {}
    return {"enabled": True, "allow_redirects": given.get("allow_redirects", "always")}


def _redirect_answered(intent: Json, form: Json) -> None:
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] != "never" and not form.get("return_url"):
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard."
            " Because some of these payment methods might redirect your customer off of your page,"
            " you must provide a `return_url`. If you don't want to accept redirect-based payment"
            " methods, set `automatic_payment_methods[enabled]` to `true` and"
            " `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents"
            " and Payment Intents."
        )


def _types(form: Json, method: Method | None, currency: str) -> list[str]:
    types = form.get("payment_method_types")
    if types is None:
        return ["card", "boleto"] if currency == BOLETO_CURRENCY else ["card"]
    if not isinstance(types, list) or not types or set(types) - {"card", "boleto"}:
        raise invalid("Invalid payment_method_types", param="payment_method_types")
    if method is not None and method.kind not in types:
        raise invalid(
            f"The PaymentMethod provided ({method.kind}) is not allowed for this PaymentIntent."
            f" Please attach a PaymentMethod with one of the following types: {', '.join(types)}.",
            param="payment_method",
        )
    return list(types)


def _slip_allowed(method: Method, intent: Json) -> None:
    if not method.slip:
        return
    if intent["currency"] != BOLETO_CURRENCY:
        raise invalid(
            "The currency provided is invalid for payment method type boleto: it must be brl.",
            param="currency",
        )
    if intent["capture_method"] != "automatic":
        raise invalid(
            "Payment method type boleto does not support manual capture.", param="capture_method"
        )
    if intent["amount"] < BOLETO_MINIMUM:
        raise invalid("Amount must be at least R$5.00 brl", code="amount_too_small", param="amount")
