"""Signatures are compared in constant time, each with every secret, whatever was found before."""

import hashlib
import hmac

import pytest

from activities.connectors import signatures

SECRETS = ("current", "former")


@pytest.mark.parametrize("signed_by", [*SECRETS, "nobody"])
def test_every_signature_is_compared_with_every_secret_in_constant_time(
    monkeypatch: pytest.MonkeyPatch, signed_by: str
) -> None:
    compared: list[bytes] = []

    def compare(expected: bytes, given: bytes) -> bool:
        compared.append(expected)
        return hmac.compare_digest(expected, given)

    mine = hmac.new(signed_by.encode(), b"raw", hashlib.sha256).digest()
    monkeypatch.setattr(signatures, "hmac", _Hmac(compare))
    found = signatures.any_matches(b"raw", (mine, b"other"), SECRETS)
    assert found is (signed_by in SECRETS)
    assert len(compared) == 4
    assert len(set(compared)) == 2


class _Hmac:
    """The module, with its comparison watched."""

    new = staticmethod(hmac.new)

    def __init__(self, compare_digest: object) -> None:
        self.compare_digest = compare_digest
