"""Keeps an address that staff corrected until the order's story has had it verified."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import run


async def keep(tx: AsyncConnection, order_id: str, address: dict[str, Any], said_by: str) -> None:
    """`address` has the fields of `domain.address.Address`."""
    await run(
        tx,
        """
        INSERT INTO address_corrections (order_id, address, said_by)
        VALUES (:order_id, CAST(:address AS jsonb), :said_by)
        """,
        order_id=order_id,
        address=json.dumps(address),
        said_by=said_by,
    )
