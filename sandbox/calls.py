"""A vendor request and its answer as plain values, and the tables that lead one to the other."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.store import Tx

Json = dict[str, Any]

MUTATING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Call:
    """One request as a vendor reads it; `path` starts below the vendor's mount."""

    vendor: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def mutating(self) -> bool:
        return self.method in MUTATING

    def json(self) -> Any:
        """The body as JSON. Raises: ValueError."""
        return json.loads(self.body) if self.body else {}

    def basic_user(self) -> str | None:
        """The user name of HTTP Basic credentials: both Stripe and EasyPost take a key there."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(token, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None

    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Reply:
    """What goes back over the wire; `replayed` marks an answer repeated for its idempotency key."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False


class Refused(Exception):
    """A request the vendor turns down before it had any effect."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body)
        self.reply = reply


Handler = Callable[[Tx, Call, Mapping[str, str]], Reply]


class Routes:
    """Method and path pattern to handler; patterns name their parts: `/v1/refunds/{id}`."""

    def __init__(self, table: Mapping[str, Handler]) -> None:
        self._table = [(*_compiled(pattern), handler) for pattern, handler in table.items()]

    def find(self, call: Call) -> tuple[Handler, Mapping[str, str]] | None:
        for method, pattern, handler in self._table:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                return handler, match.groupdict()
        return None


def _compiled(route: str) -> tuple[str, re.Pattern[str]]:
    method, _, path = route.partition(" ")
    return method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
