"""What a customer may see of an order through its link: nothing that tells who they are."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from domain.axes import FulfillmentAxis, Parcel, Units, fulfillment_axis

_PAGE: Final = """
    SELECT o.external_id, coalesce(d.name, c.name) AS shop, d.language, o.locale, o.currency,
        o.total_minor, o.outcome,
        o.promise_from, o.promise_by, o.pickup_location,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'quantity', l.quantity,
            'cancelled', l.cancelled, 'shipped', l.shipped) ORDER BY l.line_no), '[]')
            FROM order_lines l JOIN products p USING (sku) WHERE l.order_id = o.order_id) AS lines,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('state', f.state,
            'status', f.tracking_status, 'carrier', b.carrier, 'number', b.tracking_number,
            'fulfillment_id', f.fulfillment_id, 'is_pickup', f.is_pickup,
            'until', f.next_deadline, 'store', p.name, 'address', p.address)
            ORDER BY f.number), '[]')
            FROM fulfillments f JOIN locations p USING (location)
            LEFT JOIN labels b ON b.fulfillment_id = f.fulfillment_id AND b.state = 'bought'
            WHERE f.order_id = o.order_id) AS parcels,
        EXISTS (SELECT FROM mail_opt_outs m
            WHERE m.channel = o.channel AND m.email = lower(o.customer_email)) AS opted_out
    FROM orders o JOIN channels c USING (channel) LEFT JOIN brands d USING (channel)
    WHERE o.order_id = :order_id
"""


async def order_page(connection: AsyncConnection, order_id: str) -> Any | None:
    return await row(connection, _PAGE, order_id=order_id)


def stage_of(page: Any) -> FulfillmentAxis:
    """Where the order's goods are."""
    units = Units(
        ordered=sum(line["quantity"] for line in page.lines),
        cancelled=sum(line["cancelled"] for line in page.lines),
    )
    parcels = [Parcel(parcel["state"], parcel["status"]) for parcel in page.parcels]
    return fulfillment_axis(units, parcels, is_closed=page.outcome is not None)
