"""Keeps an address that staff corrected until the order's story has had it verified."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


async def keep(tx: AsyncConnection, order_id: str, address: dict[str, Any], said_by: str) -> int:
    """`address` has the fields of `domain.address.Address`; return the correction's id."""
    written = await row(
        tx,
        """
        INSERT INTO address_corrections (order_id, address, said_by)
        VALUES (:order_id, CAST(:address AS jsonb), :said_by)
        RETURNING correction_id
        """,
        order_id=order_id,
        address=json.dumps(address),
        said_by=said_by,
    )
    assert written is not None
    return int(written.correction_id)


async def is_kept(tx: AsyncConnection, correction_id: int) -> bool:
    """False when it was taken back."""
    found = await row(
        tx, "SELECT 1 FROM address_corrections WHERE correction_id = :c", c=correction_id
    )
    return found is not None


async def take_back(tx: AsyncConnection, correction_id: int) -> None:
    """Nobody verifies it: who gave the address hears that. One that is verified already stays."""
    await run(
        tx,
        "DELETE FROM address_corrections WHERE correction_id = :c AND applied_at IS NULL",
        c=correction_id,
    )
