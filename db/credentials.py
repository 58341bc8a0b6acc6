"""Keeps vendors' credentials as sealed boxes; what is in them is their callers' affair."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run


@dataclass(frozen=True)
class StoredCredential:
    vendor: str
    name: str
    key_id: str
    box: bytes
    set_at: datetime


async def put(tx: AsyncConnection, vendor: str, name: str, key_id: str, box: bytes) -> None:
    """Replace what was there under this name."""
    await run(
        tx,
        """
        INSERT INTO vendor_credentials (vendor, name, key_id, box)
        VALUES (:vendor, :name, :key_id, :box)
        ON CONFLICT (vendor, name) DO UPDATE
            SET key_id = excluded.key_id, box = excluded.box, set_at = now()
        """,
        vendor=vendor,
        name=name,
        key_id=key_id,
        box=box,
    )


async def every(tx: AsyncConnection, *, lock: bool = False) -> Sequence[StoredCredential]:
    found = await rows(
        tx,
        f"""
        SELECT vendor, name, key_id, box, set_at FROM vendor_credentials
        ORDER BY vendor, name {"FOR UPDATE" if lock else ""}
        """,  # noqa: S608
    )
    return [StoredCredential(*each) for each in found]


async def remove(tx: AsyncConnection, vendor: str, name: str) -> bool:
    """False when there was none."""
    return bool(
        await run(
            tx,
            "DELETE FROM vendor_credentials WHERE vendor = :vendor AND name = :name",
            vendor=vendor,
            name=name,
        )
    )
