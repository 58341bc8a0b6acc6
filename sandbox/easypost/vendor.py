"""EasyPost's front door: key, routes, signature; no idempotency keys, as with the vendor."""

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from sandbox.calls import Call, Reply, Routes
from sandbox.easypost import addresses, shipments, trackers
from sandbox.easypost.errors import envelope, not_found, unauthorized
from sandbox.settings import Secrets
from sandbox.store import Tx

ROUTES: Final = Routes(
    {
        "POST /v2/addresses": addresses.create,
        "POST /v2/addresses/create_and_verify": addresses.create_and_verify,
        "GET /v2/addresses/{id}": addresses.retrieve,
        "GET /v2/addresses/{id}/verify": addresses.verify,
        "POST /v2/shipments": shipments.create,
        "GET /v2/shipments": shipments.list_all,
        "GET /v2/shipments/{id}": shipments.retrieve,
        "POST /v2/shipments/{id}/buy": shipments.buy,
        "POST /v2/shipments/{id}/refund": shipments.void,
        "POST /v2/trackers": trackers.create,
        "GET /v2/trackers": trackers.list_all,
        "GET /v2/trackers/{id}": trackers.retrieve,
    }
)
EFFECTS: Final = {
    "easypost.scan": trackers.scan,
    "easypost.void_granted": shipments.void_granted,
    "easypost.void_rejected": shipments.void_rejected,
}


class EasyPost:
    """EasyPost as the gate sees it."""

    name = "easypost"

    def __init__(self, secrets: Secrets) -> None:
        self._key = secrets.easypost_key
        self._webhook_secret = secrets.easypost_webhook

    def answer(self, tx: Tx, call: Call) -> Reply:
        """Raises: Refused."""
        key = call.basic_user() or call.bearer() or ""
        if not hmac.compare_digest(key.encode(), self._key.encode()):
            raise unauthorized()
        found = ROUTES.find(call)
        if found is None:
            raise not_found()
        handler, names = found
        return handler(tx, call, names)

    def outage(self, status: int) -> Any:
        if status == 429:  # noqa: PLR2004 - HTTP's own number
            return envelope("RATE_LIMITED", "You are being rate limited.")
        return envelope("INTERNAL_SERVER_ERROR", "We're sorry, something went wrong.")

    def refusal(self) -> Reply:
        return Reply(envelope("SHIPMENT.RATES.UNAVAILABLE", "No carrier takes it."), 422)

    def busy_mark(self, call: Call) -> str | None:
        """Two purchases of one shipment at a time."""
        return call.path if call.method == "POST" and call.path.endswith("/buy") else None

    def busy(self, call: Call) -> Reply:  # noqa: ARG002 - the Vendor protocol
        message = "Another purchase of this shipment is in progress."
        return Reply(envelope("SHIPMENT.PURCHASE.IN_PROGRESS", message), 422)

    def sign(self, event: str, topic: str, body: bytes, now: float) -> Mapping[str, str]:  # noqa: ARG002
        """Source: https://docs.easypost.com/guides/webhooks-guide#hmac-validation"""
        secret = unicodedata.normalize("NFKD", self._webhook_secret).encode()
        digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
        return {"x-hmac-signature": f"hmac-sha256-hex={digest}"}
