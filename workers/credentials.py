"""Vendors' credentials in the database: sealed, and used where the environment says nothing."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from db import credentials
from db.credentials import StoredCredential
from db.inbox import audit
from workers.errors import UserError
from workers.logs import hide_secrets
from workers.sealing import CannotOpen, KeyRing, Sealed, read_key_ring
from workers.secret_files import secret_fields
from workers.settings import KEY_RINGS, Settings
from workers.transaction import transaction

ACTOR: Final = "oms credentials"
# What opens the database cannot lie in it.
NOT_STORED: Final = frozenset({"database_url", *KEY_RINGS})


def known() -> list[tuple[str, str]]:
    """Every vendor and name that a setting goes by: stripe key, shopify token, …"""
    fields = [name for name in secret_fields(Settings) if name not in NOT_STORED]
    return [(vendor, name) for vendor, _, name in (field.partition("_") for field in fields)]


async def with_stored_credentials(settings: Settings, engine: AsyncEngine) -> Settings:
    """The settings with what is not set in the environment and lies in the database.

    Raises: UserError when a credential is needed and cannot be opened, or nobody can be asked.
    """
    try:
        async with engine.connect() as connection:
            stored = await credentials.every(connection)
    except OperationalError:
        raise UserError("the database does not answer") from None
    except ProgrammingError:
        raise UserError("the database lacks a table; bring it up to date: oms migrate") from None
    given = settings.secrets()
    usable = {f"{vendor}_{name}" for vendor, name in known()}
    needed = [each for each in stored if _field(each) in usable - given.keys()]
    if not needed:
        return settings
    ring = key_ring(settings)
    opened = {_field(each): _open(ring, each).decode() for each in needed}
    completed = settings.with_secrets(opened)
    hide_secrets(completed)
    return completed


def key_ring(settings: Settings) -> KeyRing:
    """Raises: UserError."""
    if settings.secrets_keys is None:
        raise UserError("OMS_SECRETS_KEYS is not set: credentials in the database stay sealed")
    return read_key_ring("OMS_SECRETS_KEYS", settings.secrets_keys.get_secret_value())


async def store(settings: Settings, vendor: str, name: str, value: str) -> None:
    """Raises: UserError."""
    _check(vendor, name)
    if not value:
        raise UserError("the credential is empty; it is read from standard input")
    sealed = key_ring(settings).seal(value.encode(), _about(vendor, name))
    async with transaction(settings) as tx:
        await credentials.put(tx, vendor, name, sealed.key_id, sealed.box)
        await audit.record(tx, ACTOR, "CredentialSet", f"{vendor} {name}")


async def listing(settings: Settings) -> Sequence[StoredCredential]:
    async with transaction(settings) as tx:
        return await credentials.every(tx)


async def remove(settings: Settings, vendor: str, name: str) -> None:
    """Raises: UserError when there is none."""
    async with transaction(settings) as tx:
        if not await credentials.remove(tx, vendor, name):
            raise UserError(f"no credential {vendor} {name} is stored")
        await audit.record(tx, ACTOR, "CredentialRemoved", f"{vendor} {name}")


async def rotate(settings: Settings) -> int:
    """Seal all with the newest key; returns how many. All or none.

    Raises: UserError when one cannot be opened.
    """
    ring = key_ring(settings)
    async with transaction(settings) as tx:
        stored = await credentials.every(tx, lock=True)
        for each in stored:
            sealed = ring.seal(_open(ring, each), _about(each.vendor, each.name))
            await credentials.put(tx, each.vendor, each.name, sealed.key_id, sealed.box)
        rotated = audit.Change(after={"count": len(stored)})
        await audit.record(tx, ACTOR, "CredentialsRotated", ring.newest, rotated)
    return len(stored)


def _check(vendor: str, name: str) -> None:
    if (vendor, name) not in known():
        listed = ", ".join(f"{vendor} {name}" for vendor, name in known())
        raise UserError(f"no setting is called {vendor} {name}; known are: {listed}")


def _field(stored: StoredCredential) -> str:
    return f"{stored.vendor}_{stored.name}"


def _open(ring: KeyRing, stored: StoredCredential) -> bytes:
    try:
        return ring.open(Sealed(stored.key_id, stored.box), _about(stored.vendor, stored.name))
    except CannotOpen as fault:
        raise UserError(f"credential {stored.vendor} {stored.name}: {fault}") from None


def _about(vendor: str, name: str) -> bytes:
    """Bound to its place: a row under another name does not open."""
    return f"cauce credential {vendor} {name}".encode()
