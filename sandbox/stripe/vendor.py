"""Stripe's front door: key, idempotency, routes, signature."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sandbox.calls import Call, Reply, Routes
from sandbox.clock import DAY_S
from sandbox.settings import Secrets
from sandbox.store import Tx, new_id
from sandbox.stripe import events, intents, refunds
from sandbox.stripe.errors import (
    Remembered,
    envelope,
    in_use,
    invalid,
    other_parameters,
    unauthorized,
)
from sandbox.stripe.objects import API_VERSION

# Real seconds: a caller that was down for a minute must still find its key.
REMEMBERED_S: Final = DAY_S
LONGEST_KEY: Final = 255

ROUTES: Final = Routes(
    {
        "POST /v1/payment_intents": intents.create,
        "GET /v1/payment_intents": intents.list_all,
        "GET /v1/payment_intents/{id}": intents.retrieve,
        "POST /v1/payment_intents/{id}/confirm": intents.confirm,
        "POST /v1/payment_intents/{id}/capture": intents.capture,
        "POST /v1/payment_intents/{id}/cancel": intents.cancel,
        "POST /v1/refunds": refunds.create,
        "GET /v1/refunds": refunds.list_all,
        "GET /v1/refunds/{id}": refunds.retrieve,
        "GET /v1/events": events.list_all,
        "GET /v1/events/{id}": events.retrieve,
    }
)


class Stripe:
    """Stripe as the gate sees it."""

    name = "stripe"

    def __init__(self, secrets: Secrets) -> None:
        self._key = secrets.stripe_key
        self._webhook_secret = secrets.stripe_webhook

    def answer(self, tx: Tx, call: Call) -> Reply:
        """Raises: Refused."""
        self._authorize(call)
        version = call.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise invalid(f"Invalid Stripe API version: {version}")
        found = ROUTES.find(call)
        if found is None:
            raise invalid(f"Unrecognized request URL ({call.method}: {call.path}).", status=404)
        handler, names = found
        key = call.headers.get("idempotency-key")
        if not call.mutating or key is None:
            return _stamped(handler(tx, call, names))
        return self._once(tx, call, key, lambda: handler(tx, call, names))

    def _authorize(self, call: Call) -> None:
        key = call.bearer() or call.basic_user()
        if key is None:
            raise unauthorized(
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
                " YOUR_SECRET_KEY')."
            )
        if not hmac.compare_digest(key.encode(), self._key.encode()):
            raise unauthorized(f"Invalid API Key provided: {key[:3]}{'*' * 8}{key[-4:]}")

    def _once(self, tx: Tx, call: Call, key: str, act: Any) -> Reply:
        """The first answer under a key, again and again for a day."""
        if len(key) > LONGEST_KEY:
            raise invalid("Idempotency keys are limited to 255 characters.")
        fingerprint = hashlib.sha256(f"{call.path}?".encode() + call.body).hexdigest()
        row = tx.db.execute(
            "SELECT fingerprint, status, body FROM idempotency"
            " WHERE vendor='stripe' AND key=? AND at > ?",
            (key, tx.now - REMEMBERED_S),
        ).fetchone()
        if row is not None:
            if row["fingerprint"] != fingerprint:
                raise other_parameters(key)
            headers = {"Idempotency-Key": key, "Idempotent-Replayed": "true"}
            again = Reply(json.loads(row["body"]), row["status"], headers, replayed=True)
            return _stamped(again)
        try:
            reply: Reply = act()
        except Remembered as refusal:
            reply = refusal.reply
        tx.db.execute(
            "INSERT OR REPLACE INTO idempotency (vendor, key, at, fingerprint, status, body)"
            " VALUES ('stripe',?,?,?,?,?)",
            (key, tx.now, fingerprint, reply.status, json.dumps(reply.body)),
        )
        return _stamped(replace(reply, headers={"Idempotency-Key": key}))

    def outage(self, status: int) -> Any:
        if status == 429:  # noqa: PLR2004 - HTTP's own number
            return envelope(
                "invalid_request_error", "Request rate limit exceeded.", code="rate_limit"
            )
        return envelope("api_error", "An unexpected error occurred.")

    def refusal(self) -> Reply:
        """Source: https://docs.stripe.com/error-codes#charge-expired-for-capture"""
        said = "The charge cannot be captured as the authorization has expired."
        return Reply(
            envelope("invalid_request_error", said, code="charge_expired_for_capture"), 400
        )

    def busy_mark(self, call: Call) -> str | None:
        return call.headers.get("idempotency-key") if call.mutating else None

    def busy(self, call: Call) -> Reply:
        return in_use(call.headers["idempotency-key"])

    def sign(self, event: str, topic: str, body: bytes, now: float) -> Mapping[str, str]:  # noqa: ARG002
        """Source: https://docs.stripe.com/webhooks#verify-manually"""
        at = int(now)
        payload = f"{at}.".encode() + body
        digest = hmac.new(self._webhook_secret.encode(), payload, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={digest}"}


def _stamped(reply: Reply) -> Reply:
    headers = {**reply.headers, "Request-Id": new_id("req_", 14), "Stripe-Version": API_VERSION}
    return replace(reply, headers=headers)
