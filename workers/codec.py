"""Payloads that only we can read: what goes to Temporal is sealed before it leaves the process."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from workers.sealing import CannotOpen, KeyRing, Sealed

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
_ABOUT: Final = b"cauce temporal payload"


class SealingCodec(PayloadCodec):
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """What was not sealed stays as it is: it is older than the setting.

        Raises: CannotOpen.
        """
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        sealed = self._ring.seal(payload.SerializeToString(), _ABOUT)
        metadata = {"encoding": ENCODING, KEY_ID: sealed.key_id.encode()}
        return Payload(metadata=metadata, data=sealed.box)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key_id = payload.metadata.get(KEY_ID, b"").decode("utf-8", "replace")
        plain = self._ring.open(Sealed(key_id, payload.data), _ABOUT)
        try:
            return Payload.FromString(plain)
        except DecodeError:
            raise CannotOpen("what was sealed is no payload") from None
