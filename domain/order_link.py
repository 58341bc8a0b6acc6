"""The link that lets a customer, and nobody else, look at one order: it carries its own proof."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

# Stands in no order id, and needs no escaping in an address.
_BETWEEN: Final = "~"
# 128 bits: nobody guesses them, and a mail reader does not break the line.
_PROOF_BYTES: Final = 16
# Another use of the same secret must not make the same proof.
_PURPOSE: Final = b"order page\0"


def order_token(order_id: str, secret: str) -> str:
    """Return the last part of the link's path."""
    return f"{order_id}{_BETWEEN}{_proof(order_id, secret)}"


def order_of(token: str, secrets: Sequence[str]) -> str | None:
    """Return the order a token was made for; None for a forged one.

    Several secrets are valid at once while one is being replaced.
    """
    order_id, _, proof = token.rpartition(_BETWEEN)
    given = proof.encode("utf-8", "replace")
    good = [
        hmac.compare_digest(_proof(order_id, secret).encode(), given)
        for secret in secrets
        if order_id
    ]
    return order_id if any(good) else None


def _proof(order_id: str, secret: str) -> str:
    digest = hmac.new(
        secret.encode(), _PURPOSE + order_id.encode("utf-8", "replace"), hashlib.sha256
    )
    return base64.urlsafe_b64encode(digest.digest()[:_PROOF_BYTES]).rstrip(b"=").decode()
