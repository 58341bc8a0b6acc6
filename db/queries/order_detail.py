"""One order with all its parts and its story: one statement, so one moment in time."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.queries.exceptions import OVERDUE
from db.queries.fulfillments import SHIPMENT
from db.queries.holds import HOLD
from db.queries.orders import MONEY, NEXT_STEP, RETURNED
from domain.axes import Axes, Money, Parcel, Units, derive_axes

# Parts come as JSON lists, empty when there are none.
_DETAIL: Final = f"""
    SELECT to_jsonb(o) - 'next_step' - 'next_deadline' AS head,
      (SELECT to_jsonb(m) FROM ({MONEY}) AS m) AS money,
      (SELECT to_jsonb(n) FROM ({NEXT_STEP}) AS n) AS next,
      (SELECT to_jsonb(r) FROM ({RETURNED}) AS r) AS returned,
      (SELECT coalesce(jsonb_agg(to_jsonb(l) - 'order_id' ORDER BY line_no), '[]')
        FROM order_lines l WHERE l.order_id = o.order_id) AS lines,
      (SELECT coalesce(jsonb_agg(to_jsonb(c) - 'order_id' ORDER BY charge_no), '[]')
        FROM order_charges c WHERE c.order_id = o.order_id) AS charges,
      (SELECT coalesce(jsonb_agg(to_jsonb(t) - 'order_id' ORDER BY tender_no), '[]')
        FROM tenders t WHERE t.order_id = o.order_id) AS tenders,
      (SELECT coalesce(jsonb_agg(to_jsonb(a) - 'order_id' ORDER BY authorization_key), '[]')
        FROM authorizations a WHERE a.order_id = o.order_id) AS authorizations,
      (SELECT coalesce(jsonb_agg({SHIPMENT} ORDER BY f.number), '[]')
        FROM fulfillments f WHERE f.order_id = o.order_id) AS shipments,
      (SELECT coalesce(jsonb_agg(to_jsonb(e)
          || jsonb_build_object('overdue', {OVERDUE}) ORDER BY opened_at, exception_id), '[]')
        FROM exceptions e WHERE e.order_id = o.order_id) AS exceptions,
      (SELECT coalesce(jsonb_agg({HOLD} ORDER BY h.number), '[]')
        FROM holds h WHERE h.order_id = o.order_id) AS holds,
      (SELECT coalesce(jsonb_agg(to_jsonb(v) - 'order_id' ORDER BY sequence), '[]')
        FROM order_events v WHERE v.order_id = o.order_id) AS events
    FROM orders o WHERE o.order_id = :order_id
"""  # noqa: S608 - fragments of our own


async def order_detail(connection: AsyncConnection, order_id: str) -> dict[str, Any] | None:
    """Return the order as a document of its rows, with its axes; moments are ISO 8601 texts."""
    found = await row(connection, _DETAIL, order_id=order_id)
    if found is None:
        return None
    parts = found._asdict()
    head = parts.pop("head")
    for tender in parts["tenders"]:
        tender["authorizations"] = [
            held for held in parts["authorizations"] if held["tender_no"] == tender["tender_no"]
        ]
    returned = parts.pop("returned")
    return {**head, **parts, "axes": _axes(head, parts, returned)}


def _axes(head: dict[str, Any], parts: dict[str, Any], returned: dict[str, int]) -> Axes:
    lines = parts["lines"]
    return derive_axes(
        Money(total_minor=head["total_minor"], **parts["money"]),
        Units(
            ordered=sum(line["quantity"] for line in lines),
            cancelled=sum(line["cancelled"] for line in lines),
            **returned,
        ),
        [
            Parcel(shipment["state"], shipment["tracking_status"])
            for shipment in parts["shipments"]
            if shipment["rma"] is None
        ],
        is_closed=head["outcome"] is not None,
    )
