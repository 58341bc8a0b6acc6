"""Whether one of our webhook secrets signed these bytes; several, so that they can be rotated."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence


def hmac_sha256(secret: str, signed: bytes) -> bytes:
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()


def any_matches(signed: bytes, given: Iterable[bytes], secrets: Sequence[str]) -> bool:
    """Compare every signature with every secret in constant time. An empty secret signs nothing."""
    candidates = tuple(given)
    found = False
    for secret in secrets:
        if not secret:
            continue
        expected = hmac_sha256(secret, signed)
        for candidate in candidates:
            found |= hmac.compare_digest(expected, candidate)
    return found
