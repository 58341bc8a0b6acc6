"""Shopify's front door: token, GraphQL, signature."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from sandbox.calls import Call, Refused, Reply
from sandbox.settings import Secrets
from sandbox.store import Tx


class Shopify:
    """Shopify as the gate sees it."""

    name = "shopify"

    def __init__(self, secrets: Secrets, shop_domain: str) -> None:
        self._token = secrets.shopify_token
        self._webhook_secret = secrets.shopify_webhook
        self._domain = shop_domain

    def answer(self, tx: Tx, call: Call) -> Reply:
        """Raises: Refused."""
        raise Refused(Reply({"errors": "Not Found"}, 404))

    def outage(self, status: int) -> Any:
        return {"errors": "Throttled" if status == 429 else "Internal Server Error"}  # noqa: PLR2004

    def busy_mark(self, call: Call) -> str | None:  # noqa: ARG002 - the Vendor protocol
        return None

    def busy(self, call: Call) -> Reply:  # noqa: ARG002 - the Vendor protocol
        return Reply({"errors": "Conflict"}, 409)

    def sign(self, event: str, topic: str, body: bytes, now: float) -> Mapping[str, str]:  # noqa: ARG002
        digest = hmac.new(self._webhook_secret.encode(), body, hashlib.sha256).digest()
        return {"x-shopify-hmac-sha256": base64.b64encode(digest).decode()}
