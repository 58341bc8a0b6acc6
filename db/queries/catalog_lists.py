"""The catalogue as its owners see it: a page of a part, or one entry."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

_SHOWN: Final = {
    "pools": "t.*, ARRAY(SELECT location FROM locations l WHERE l.pool = t.pool ORDER BY location)"
    " AS locations",
    "carrier_accounts": "t.*, EXISTS (SELECT 1 FROM vendor_credentials c"
    " WHERE c.vendor = t.vendor AND c.name = t.credential) AS credential_is_stored",
}
# Filters that are not simply a column's value.
_CONDITIONS: Final = {
    "barcode": "t.barcodes @> ARRAY[CAST(:barcode AS text)]",
    "text": "(t.name ILIKE :text OR t.{key} ILIKE :text)",
}


async def list_entries(
    connection: AsyncConnection,
    table: str,
    key: str,
    wanted: Mapping[str, Any],
    *,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """`wanted` are filters by name; what is None is not asked for. In the order of the codes."""
    given = {name: value for name, value in wanted.items() if value is not None}
    conditions = ["true", *(_CONDITIONS.get(n, f"t.{n} = :{n}").format(key=key) for n in given)]
    if after is not None:
        conditions.append(f"t.{key} > :after")
    if "text" in given:
        given["text"] = f"%{_plain(given['text'])}%"
    found = await rows(
        connection,
        f"""
        SELECT {_SHOWN.get(table, "t.*")} FROM {table} t
        WHERE {" AND ".join(conditions)} ORDER BY t.{key} LIMIT :limit
        """,  # noqa: S608 - names of our own
        **given,
        after=after,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_entry(
    connection: AsyncConnection, table: str, key: str, code: str
) -> dict[str, Any] | None:
    found = await row(
        connection,
        f"SELECT {_SHOWN.get(table, 't.*')} FROM {table} t WHERE t.{key} = :code",  # noqa: S608
        code=code,
    )
    return None if found is None else found._asdict()


def _plain(text: str) -> str:
    """Without the meaning that LIKE gives to some characters."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
