"""Exports and erases what is held about a customer, for `oms privacy`."""

from typing import Any, Final

from db.privacy import customer as customers
from db.privacy.customer import Erased, StillOpen
from workers.errors import UserError
from workers.settings import Settings
from workers.transaction import transaction

ACTOR: Final = "oms privacy"


async def run_export(settings: Settings, address: str) -> dict[str, list[Any]]:
    """Rows by table."""
    async with transaction(settings) as tx:
        return await customers.export(tx, await customers.find(tx, address))


async def run_erasure(settings: Settings, address: str) -> Erased | None:
    """All or nothing; None when nothing is held.

    Raises: UserError while something of the customer is under way.
    """
    async with transaction(settings) as tx:
        try:
            return await customers.erase(tx, await customers.find(tx, address), ACTOR)
        except StillOpen as opened:
            raise UserError(f"nothing was erased: {opened}") from None
