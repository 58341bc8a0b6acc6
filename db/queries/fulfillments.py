"""Fulfillment orders as the warehouse works through them: oldest first, and one with its parts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

SHIPMENT: Final = """
    to_jsonb(f) || jsonb_build_object(
      'lines', (SELECT coalesce(jsonb_agg(to_jsonb(l) - 'fulfillment_id' ORDER BY line_no), '[]')
        FROM fulfillment_lines l WHERE l.fulfillment_id = f.fulfillment_id),
      'labels', (SELECT coalesce(jsonb_agg(to_jsonb(b) ORDER BY created_at, label_key), '[]')
        FROM labels b WHERE b.fulfillment_id = f.fulfillment_id AND b.state <> 'begun'),
      'tracking_number', (SELECT tracking_number FROM labels b
        WHERE b.fulfillment_id = f.fulfillment_id AND b.state = 'bought'),
      'tracking_events', (SELECT coalesce(
          jsonb_agg(to_jsonb(v) - 'fulfillment_id' ORDER BY occurred_at, event_id), '[]')
        FROM tracking_events v WHERE v.fulfillment_id = f.fulfillment_id),
      'plays', (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'fulfillment_id' ORDER BY at, play), '[]')
        FROM parcel_plays p WHERE p.fulfillment_id = f.fulfillment_id)
    )
"""


@dataclass(frozen=True)
class FulfillmentFilter:
    state: str | None = None
    location: str | None = None


@dataclass(frozen=True)
class After:
    created_at: datetime
    fulfillment_id: str


async def list_fulfillments(
    connection: AsyncConnection, wanted: FulfillmentFilter, *, after: After | None, limit: int
) -> list[dict[str, Any]]:
    conditions = ["true"]
    if wanted.state is not None:
        conditions.append("f.state = :state")
    if wanted.location is not None:
        conditions.append("f.location = :location")
    if after is not None:
        conditions.append("(f.created_at, f.fulfillment_id) > (:created_at, :fulfillment_id)")
    found = await rows(
        connection,
        f"""
        WITH page AS MATERIALIZED (
          SELECT f.* FROM fulfillments f WHERE {" AND ".join(conditions)}
          ORDER BY f.created_at, f.fulfillment_id LIMIT :limit
        )
        SELECT {SHIPMENT} AS shipment FROM page f ORDER BY f.created_at, f.fulfillment_id
        """,  # noqa: S608 - fragments of this file
        state=wanted.state,
        location=wanted.location,
        created_at=after and after.created_at,
        fulfillment_id=after and after.fulfillment_id,
        limit=limit,
    )
    return [dict(each.shipment) for each in found]


async def get_fulfillment(
    connection: AsyncConnection, fulfillment_id: str
) -> dict[str, Any] | None:
    found = await row(
        connection,
        f"SELECT {SHIPMENT} AS shipment FROM fulfillments f WHERE fulfillment_id = :id",  # noqa: S608 - fragments of this file
        id=fulfillment_id,
    )
    return None if found is None else dict(found.shipment)


@dataclass(frozen=True)
class Run:
    """Where reports about a fulfillment order go."""

    order_id: str
    number: int
    state: str
    ended: bool


async def find_run(connection: AsyncConnection, fulfillment_id: str) -> Run | None:
    found = await row(
        connection,
        """
        SELECT order_id, number, state, ended_at IS NOT NULL
        FROM fulfillments WHERE fulfillment_id = :fulfillment_id
        """,
        fulfillment_id=fulfillment_id,
    )
    return None if found is None else Run(*found)
