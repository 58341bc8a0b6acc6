"""Invoices and credit notes as they were written, those that wait, and what a parcel holds."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

# What was asked for and is not written says why, when it was tried.
_LISTED: Final = """
    SELECT 'issued' AS state, kind, fulfillment_id, number, corrects, currency, total_minor,
        issued_on, issued_at, NULL AS reason
    FROM documents WHERE order_id = :order_id
    UNION ALL
    SELECT 'waiting', o.payload ->> 'kind', o.payload ->> 'fulfillment_id', NULL, NULL, d.currency,
        CASE o.payload ->> 'kind' WHEN 'invoice'
            THEN coalesce(CAST(o.payload ->> 'share_minor' AS bigint), f.share_minor)
            ELSE CAST(o.payload ->> 'amount_minor' AS bigint) END,
        NULL, NULL, o.last_error
    FROM outbox o JOIN orders d USING (order_id)
        JOIN fulfillments f ON f.fulfillment_id = o.payload ->> 'fulfillment_id'
    WHERE o.order_id = :order_id AND o.kind = 'document' AND o.delivered_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM documents w WHERE w.key = o.key)
    ORDER BY issued_at NULLS LAST, number, fulfillment_id
"""


async def get_document(connection: AsyncConnection, number: str) -> Any | None:
    return await row(connection, "SELECT * FROM documents WHERE number = :number", number=number)


async def list_documents(connection: AsyncConnection, order_id: str) -> list[dict[str, Any]] | None:
    """None when there is no such order."""
    found = await rows(connection, _LISTED, order_id=order_id)
    if not found and not await row(
        connection, "SELECT 1 FROM orders WHERE order_id = :order_id", order_id=order_id
    ):
        return None
    return [each._asdict() for each in found]


async def packing_slip(connection: AsyncConnection, fulfillment_id: str) -> Any | None:
    """What a parcel holds and where it goes, without prices."""
    return await row(
        connection,
        """
        SELECT f.fulfillment_id, f.order_id, f.number, o.external_id, o.placed_at, o.locale,
            o.ship_to, l.name AS location_name, l.address AS location_address,
            c.name AS channel_name, s.legal_name, coalesce(s.language, 'en') AS language,
            (SELECT count(*) FROM fulfillments n
                WHERE n.order_id = f.order_id AND n.state <> 'cancelled') AS parcels,
            (SELECT b.tracking_number FROM labels b
                WHERE b.fulfillment_id = f.fulfillment_id AND b.state = 'bought')
                AS tracking_number,
            (SELECT coalesce(jsonb_agg(jsonb_build_object('sku', i.sku, 'name', p.name,
                    'units', i.quantity) ORDER BY i.line_no), '[]')
                FROM fulfillment_lines i JOIN products p USING (sku)
                WHERE i.fulfillment_id = f.fulfillment_id) AS lines
        FROM fulfillments f JOIN orders o USING (order_id) JOIN locations l USING (location)
            JOIN channels c USING (channel) LEFT JOIN sellers s USING (seller)
        WHERE f.fulfillment_id = :fulfillment_id
        """,
        fulfillment_id=fulfillment_id,
    )
