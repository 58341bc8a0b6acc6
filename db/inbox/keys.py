"""API keys: made once, shown once, kept as a hash, checked in constant time, revoked for good."""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.access import ADMIN, SCOPES

# A revoked key may be honoured this long by a process that has just seen it.
REMEMBERED_S: Final = 5.0
MOST_REMEMBERED: Final = 1_000
_SECRET: Final = re.compile(r"oms_([0-9a-f]{12})_[0-9a-f]{64}")

_INSERT: Final = sa.text("""
    INSERT INTO api_keys (key_id, name, secret_sha256, scopes)
    VALUES (:key_id, :name, :secret_sha256, :scopes)
""")
_REVOKE: Final = sa.text("""
    UPDATE api_keys SET revoked_at = now() WHERE key_id = :key_id AND revoked_at IS NULL
""")
_LIST: Final = sa.text("""
    SELECT key_id, name, scopes, created_at, revoked_at FROM api_keys ORDER BY created_at, key_id
""")
_FIND: Final = sa.text("""
    SELECT key_id, name, scopes, secret_sha256 FROM api_keys
    WHERE key_id = :key_id AND revoked_at IS NULL
""")


@dataclass(frozen=True)
class NewKey:
    """`secret` is what the caller sends; it is not kept and cannot be shown again."""

    key_id: str
    secret: str


@dataclass(frozen=True)
class KeyRecord:
    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class Caller:
    key_id: str
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """How this caller is named in audit rows and events."""
        return f"key:{self.key_id}"

    def may(self, scope: str) -> bool:
        return scope in self.scopes or ADMIN in self.scopes


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def create_key(connection: AsyncConnection, name: str, scopes: Iterable[str]) -> NewKey:
    """Raises: ValueError for no name, no scope or an unknown one."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise ValueError(f"unknown scopes {unknown}" if unknown else "a key needs a scope")
    if not name.strip() or not name.isprintable():
        raise ValueError("a key needs a name of printable characters")
    key_id = secrets.token_hex(6)
    secret = f"oms_{key_id}_{secrets.token_hex(32)}"
    row = {"key_id": key_id, "name": name, "secret_sha256": _sha256(secret), "scopes": wanted}
    await connection.execute(_INSERT, row)
    return NewKey(key_id, secret)


async def revoke_key(connection: AsyncConnection, key_id: str) -> bool:
    """Revoke a key; False when there is no such key in force."""
    return (await connection.execute(_REVOKE, {"key_id": key_id})).rowcount > 0


async def list_keys(connection: AsyncConnection) -> list[KeyRecord]:
    return [
        KeyRecord(row.key_id, row.name, tuple(row.scopes), row.created_at, row.revoked_at)
        for row in await connection.execute(_LIST)
    ]


class KeyRing:
    """Authenticates callers, remembering each for a few seconds to spare the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # By the hash of the secret: the time a look-up takes tells nothing about the secret.
        self._seen: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        # Many requests of one key at once ask the database once.
        self._asking: dict[str, asyncio.Task[Caller | None]] = {}

    def has_seen(self, secret: str) -> bool:
        """Whether the secret was good when it was last looked up: it is no guess."""
        return _sha256(secret) in self._seen

    async def authenticate(self, secret: str) -> Caller | None:
        match = _SECRET.fullmatch(secret)
        if match is None:
            return None
        given = _sha256(secret)
        until, caller = self._seen.get(given, (0.0, None))
        if time.monotonic() >= until:
            return await self._ask(match.group(1), given)
        return caller

    async def _ask(self, key_id: str, sha256: str) -> Caller | None:
        asking = self._asking.get(sha256)
        if asking is None:
            asking = asyncio.create_task(self._look_up(key_id, sha256))
            self._asking[sha256] = asking
            asking.add_done_callback(lambda _: self._asking.pop(sha256))
        # One who goes away must not end it for the others.
        return await asyncio.shield(asking)

    async def _look_up(self, key_id: str, sha256: str) -> Caller | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_FIND, {"key_id": key_id})).one_or_none()
        if row is None or not hmac.compare_digest(row.secret_sha256, sha256):
            self._seen.pop(sha256, None)
            return None
        caller = Caller(row.key_id, row.name, frozenset(row.scopes))
        self._seen[sha256] = (time.monotonic() + REMEMBERED_S, caller)
        self._seen.move_to_end(sha256)
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return caller
