"""The invariants as queries: each returns a subject and a detail for every violation."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows

RULES: Final[dict[str, str]] = {
    "pool_ledger_equals_levels": """
        SELECT l.pool || '/' || l.sku, format('level %s %s %s, ledger %s %s %s', l.on_hand,
            l.reserved, l.open_demand, m.on_hand, m.reserved, m.open_demand)
        FROM pool_levels l LEFT JOIN LATERAL (
            SELECT coalesce(sum(on_hand_change), 0) AS on_hand,
                coalesce(sum(reserved_change), 0) AS reserved,
                coalesce(sum(open_demand_change), 0) AS open_demand
            FROM stock_movements s WHERE s.pool = l.pool AND s.sku = l.sku) m ON true
        WHERE (l.on_hand, l.reserved, l.open_demand)
            IS DISTINCT FROM (m.on_hand, m.reserved, m.open_demand)
    """,
    "location_ledger_equals_levels": """
        SELECT l.location || '/' || l.sku,
            format('level %s %s, ledger %s %s', l.on_hand, l.reserved, m.on_hand, m.reserved)
        FROM location_levels l LEFT JOIN LATERAL (
            SELECT coalesce(sum(on_hand_change), 0) AS on_hand,
                coalesce(sum(reserved_change), 0) AS reserved
            FROM stock_movements s WHERE s.location = l.location AND s.sku = l.sku) m ON true
        WHERE (l.on_hand, l.reserved) IS DISTINCT FROM (m.on_hand, m.reserved)
    """,
    "pool_holds_what_its_locations_hold": """
        SELECT l.pool || '/' || l.sku, format('pool %s %s, locations %s %s', l.on_hand,
            l.reserved, sum(v.on_hand), sum(v.reserved))
        FROM pool_levels l JOIN locations p ON p.pool = l.pool
            JOIN location_levels v ON v.location = p.location AND v.sku = l.sku
        GROUP BY l.pool, l.sku, l.on_hand, l.reserved
        HAVING l.on_hand <> sum(v.on_hand) OR l.reserved <> sum(v.reserved)
    """,
    "no_level_below_policy": """
        SELECT pool || '/' || sku, format('%s on hand, %s reserved, %s open demand', on_hand,
            reserved, open_demand)
        FROM pool_levels WHERE on_hand < reserved + open_demand OR least(reserved, open_demand) < 0
    """,
    "open_demand_is_what_is_held": """
        SELECT l.pool || '/' || l.sku, format('level %s, held %s', l.open_demand,
            coalesce(h.quantity, 0))
        FROM pool_levels l LEFT JOIN (
            SELECT pool, sku, sum(quantity) AS quantity FROM reservations
            WHERE state = 'held' GROUP BY 1, 2) h USING (pool, sku)
        WHERE l.open_demand <> coalesce(h.quantity, 0)
    """,
    "reserved_is_what_is_allocated": """
        SELECT l.location || '/' || l.sku, format('level %s, allocated %s', l.reserved,
            coalesce(a.quantity, 0))
        FROM location_levels l LEFT JOIN (
            SELECT location, sku, sum(quantity) AS quantity FROM allocations
            WHERE state = 'allocated' GROUP BY 1, 2) a USING (location, sku)
        WHERE l.reserved <> coalesce(a.quantity, 0)
    """,
    "reservation_ended_once": """
        SELECT r.order_id || '/' || r.sku, format('%s: %s of %s units moved', r.state,
            -coalesce(sum(m.open_demand_change), 0), r.quantity)
        FROM reservations r LEFT JOIN stock_movements m ON m.order_id = r.order_id
            AND m.sku = r.sku AND m.kind IN ('release', 'expire', 'allocate')
        WHERE r.state <> 'held' AND NOT EXISTS (SELECT FROM reservations other
            WHERE other.order_id = r.order_id AND other.attempt <> r.attempt)
        GROUP BY r.order_id, r.attempt, r.sku, r.state, r.quantity
        HAVING -coalesce(sum(m.open_demand_change), 0) <> r.quantity
    """,
    "allocation_ended_once": """
        SELECT a.fulfillment_id || '/' || a.sku, format('%s, but %s units moved', a.state,
            -coalesce(sum(m.reserved_change), 0))
        FROM allocations a LEFT JOIN stock_movements m ON m.fulfillment_id = a.fulfillment_id
            AND m.sku = a.sku AND m.kind IN ('ship', 'deallocate')
        WHERE a.state <> 'allocated' GROUP BY a.fulfillment_id, a.sku, a.state, a.quantity
        HAVING -coalesce(sum(m.reserved_change), 0) <> a.quantity
    """,
    "authorizations_equal_their_events": """
        SELECT a.authorization_key, format('captured %s refunded %s, events %s %s',
            a.captured_minor, a.refunded_minor, coalesce(e.captured, 0), coalesce(e.refunded, 0))
        FROM authorizations a LEFT JOIN (
            SELECT authorization_key,
                coalesce(sum(amount_minor) FILTER (WHERE event = 'captured'), 0) AS captured,
                coalesce(sum(amount_minor) FILTER (WHERE event = 'refunded'), 0) AS refunded
            FROM payment_events GROUP BY 1) e USING (authorization_key)
        WHERE a.captured_minor <> coalesce(e.captured, 0)
            OR a.refunded_minor <> coalesce(e.refunded, 0)
            OR a.captured_minor > a.amount_minor OR a.refunded_minor > a.captured_minor
    """,
    "closed_order_keeps_what_it_shipped": """
        SELECT o.order_id, format('kept %s, shipped for %s', coalesce(m.kept, 0),
            coalesce(s.amount, 0))
        FROM orders o LEFT JOIN (
            SELECT order_id, sum(captured_minor - refunded_minor) AS kept
            FROM authorizations GROUP BY 1) m USING (order_id)
        LEFT JOIN (
            SELECT order_id, sum(share_minor) AS amount FROM fulfillments
            WHERE handed_over_at IS NOT NULL AND state <> 'lost' GROUP BY 1) s USING (order_id)
        WHERE o.outcome IS NOT NULL AND coalesce(m.kept, 0) <> coalesce(s.amount, 0)
            AND NOT EXISTS (SELECT FROM exceptions x WHERE x.order_id = o.order_id
                AND x.resolution IN ('skip', 'override'))
    """,
    "units_are_conserved": """
        SELECT order_id || '/' || line_no, format('%s ordered, %s cancelled, %s shipped', quantity,
            cancelled, shipped)
        FROM order_lines l JOIN orders o USING (order_id)
        WHERE cancelled + shipped > quantity
            OR (o.outcome IS NOT NULL AND cancelled + shipped <> quantity)
    """,
    "shipped_has_one_label": """
        SELECT f.fulfillment_id, format('%s bought labels', count(b.label_key))
        FROM fulfillments f LEFT JOIN labels b ON b.fulfillment_id = f.fulfillment_id
            AND b.state = 'bought'
        WHERE f.handed_over_at IS NOT NULL GROUP BY 1 HAVING count(b.label_key) <> 1
    """,
    "open_order_has_next_step_and_deadline": """
        SELECT order_id, 'no next step or deadline' FROM orders
        WHERE outcome IS NULL AND (next_step IS NULL OR next_deadline IS NULL)
    """,
    "one_channel_order_one_order": """
        SELECT channel || '/' || external_id, format('%s orders', count(*)) FROM orders
        GROUP BY channel, external_id HAVING count(*) > 1
    """,
    "handled_order_document_has_its_order": """
        SELECT i.source || '-' || i.external_id, 'handled, but there is no order'
        FROM inbox i LEFT JOIN orders o ON o.channel = i.source AND o.external_id = i.external_id
        WHERE i.kind = 'order' AND i.state = 'handled' AND o.order_id IS NULL
    """,
}


async def violations(tx: AsyncConnection, rule: str) -> list[Any]:
    return list(await rows(tx, RULES[rule]))


async def open_orders(tx: AsyncConnection) -> list[str]:
    found = await rows(tx, "SELECT order_id FROM orders WHERE outcome IS NULL")
    return [order.order_id for order in found]


async def money_at_vendors(tx: AsyncConnection) -> list[Any]:
    """Return every authorization that a payment vendor must know; unpaid slips moved nothing."""
    return list(
        await rows(
            tx,
            """
            SELECT authorization_key, vendor_ref, captured_minor, refunded_minor
            FROM authorizations
            WHERE vendor NOT IN ('store_credit', 'manual') AND state NOT IN ('pending', 'expired')
            """,
        )
    )


async def labels_at_vendors(tx: AsyncConnection) -> list[Any]:
    return list(
        await rows(
            tx,
            """
            SELECT label_key, vendor_shipment_id FROM labels
            WHERE state IN ('bought', 'voided') AND tracking_number IS NOT NULL
            """,
        )
    )
