"""What carriers owe for parcels, oldest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

_CLAIMS: Final = """
    SELECT fulfillment_id, order_id, cause, tracking_number, amount_minor, currency, filed_at,
        c.state, settled_minor, ended_by, c.ended_at
    FROM carrier_claims c JOIN fulfillments USING (fulfillment_id)
"""


@dataclass(frozen=True)
class After:
    filed_at: datetime
    fulfillment_id: str


async def list_claims(
    connection: AsyncConnection, state: str | None, *, after: After | None, limit: int
) -> list[dict[str, Any]]:
    conditions = ["true"]
    if state is not None:
        conditions.append("c.state = :state")
    if after is not None:
        conditions.append("(filed_at, fulfillment_id) > (:filed_at, :fulfillment_id)")
    found = await rows(
        connection,
        f"{_CLAIMS} WHERE {' AND '.join(conditions)}"
        " ORDER BY filed_at, fulfillment_id LIMIT :limit",
        state=state,
        filed_at=after and after.filed_at,
        fulfillment_id=after and after.fulfillment_id,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_claim(connection: AsyncConnection, fulfillment_id: str) -> dict[str, Any] | None:
    found = await row(connection, f"{_CLAIMS} WHERE fulfillment_id = :id", id=fulfillment_id)
    return None if found is None else found._asdict()
