"""Makes, lists and revokes API keys from the command line."""

from collections.abc import Iterable

from db.inbox import audit
from db.inbox.audit import Change
from db.inbox.keys import create_key, list_keys, revoke_key
from domain.access import ROLES
from workers.actor import cli_actor
from workers.errors import UserError
from workers.settings import Settings
from workers.transaction import transaction


async def create(
    settings: Settings, name: str, scopes: Iterable[str], reason: str | None = None
) -> str:
    """Raises: UserError for a scope that does not exist."""
    async with transaction(settings) as tx:
        try:
            key = await create_key(tx, name, scopes)
        except ValueError as error:
            raise UserError(str(error)) from None
        change = Change(after={"state": "in force", "scopes": sorted(scopes)}, reason=reason)
        await audit.record(tx, cli_actor(), "KeyCreated", key.key_id, change)
    return key.secret


def scopes_of(scopes: str, roles: str) -> set[str]:
    """Join two comma-separated lists. Raises: UserError for a role that does not exist."""
    found = _listed(scopes)
    for role in _listed(roles):
        if role not in ROLES:
            raise UserError(f"unknown role {role}; known are {', '.join(ROLES)}")
        found |= ROLES[role]
    return found


def _listed(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


async def listing(settings: Settings) -> list[str]:
    async with transaction(settings) as tx:
        found = await list_keys(tx)
    return [
        f"{key.key_id}  {key.name}  {','.join(key.scopes)}{'  revoked' if key.revoked_at else ''}"
        for key in found
    ]


async def revoke(settings: Settings, key_id: str, reason: str | None = None) -> None:
    """Raises: UserError when there is no such key."""
    async with transaction(settings) as tx:
        if not await revoke_key(tx, key_id):
            raise UserError(f"no key {key_id} that could be revoked")
        change = Change({"state": "in force"}, {"state": "revoked"}, reason)
        await audit.record(tx, cli_actor(), "KeyRevoked", key_id, change)
