"""Makes, lists and revokes API keys from the command line."""

from db.inbox.keys import create_key, list_keys, revoke_key
from workers.errors import UserError
from workers.settings import Settings
from workers.transaction import transaction


async def create(settings: Settings, name: str, scopes: str) -> str:
    """Raises: UserError for a scope that does not exist."""
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    async with transaction(settings) as tx:
        try:
            return (await create_key(tx, name, wanted)).secret
        except ValueError as error:
            raise UserError(str(error)) from None


async def listing(settings: Settings) -> list[str]:
    async with transaction(settings) as tx:
        found = await list_keys(tx)
    return [
        f"{key.key_id}  {key.name}  {','.join(key.scopes)}{'  revoked' if key.revoked_at else ''}"
        for key in found
    ]


async def revoke(settings: Settings, key_id: str) -> None:
    """Raises: UserError when there is no such key."""
    async with transaction(settings) as tx:
        if not await revoke_key(tx, key_id):
            raise UserError(f"no key {key_id} that could be revoked")
