"""Seals and opens bytes with AES-GCM: the newest key of a ring seals, every key of it opens."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workers.errors import UserError

# Source: NIST SP 800-38D, 8.2.2: with random nonces of 96 bits one key seals at most 2^32 texts.
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
_KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")


class CannotOpen(UserError, ValueError):
    """No key of the ring fits, or the text was changed or put elsewhere."""


@dataclass(frozen=True)
class Sealed:
    """`box` is the nonce and the ciphertext with its tag."""

    key_id: str
    box: bytes


@dataclass(frozen=True)
class KeyRing:
    """`setting` is the variable it came from, for errors; `keys` by id, newest first."""

    setting: str
    keys: Mapping[str, AESGCM] = field(repr=False)

    @property
    def newest(self) -> str:
        return next(iter(self.keys))

    def seal(self, plain: bytes, about: bytes) -> Sealed:
        """`about` says what it is and where it belongs; it opens nowhere else."""
        key_id, nonce = self.newest, secrets.token_bytes(NONCE_BYTES)
        return Sealed(key_id, nonce + self.keys[key_id].encrypt(nonce, plain, about))

    def open(self, sealed: Sealed, about: bytes) -> bytes:
        """Raises: CannotOpen."""
        key = self.keys.get(sealed.key_id)
        if key is None:
            raise CannotOpen(f"{self.setting} has no key {sealed.key_id!r}")
        nonce, text = sealed.box[:NONCE_BYTES], sealed.box[NONCE_BYTES:]
        try:
            return key.decrypt(nonce, text, about)
        except (InvalidTag, ValueError):
            raise CannotOpen(
                f"the key {sealed.key_id!r} of {self.setting} does not open what was sealed"
            ) from None


def read_key_ring(setting: str, text: str) -> KeyRing:
    """Read "id:base64,id:base64", newest first.

    Raises: UserError naming the setting and the key's place, never a key.
    """
    keys: dict[str, AESGCM] = {}
    for place, part in enumerate(text.split(","), start=1):
        key_id, _, encoded = part.strip().partition(":")
        key = _decoded(encoded)
        if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
            raise UserError(
                f"{setting}: key {place} is not an id, a colon and {KEY_BYTES} bytes in base64"
            )
        if key_id in keys:
            raise UserError(f"{setting}: the id of key {place} is there twice")
        keys[key_id] = AESGCM(key)
    return KeyRing(setting, keys)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""
