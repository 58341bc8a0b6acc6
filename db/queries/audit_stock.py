"""The invariants of stock as queries: subject and detail of every violation."""

from typing import Final

RULES: Final[dict[str, str]] = {
    "pool_ledger_equals_levels": """
        SELECT pool || '/' || sku, format('level %s %s %s, ledger %s %s %s', l.on_hand,
            l.reserved, l.open_demand, m.on_hand, m.reserved, m.open_demand)
        FROM pool_levels l FULL JOIN (
            SELECT pool, sku, sum(on_hand_change) AS on_hand, sum(reserved_change) AS reserved,
                sum(open_demand_change) AS open_demand
            FROM stock_movements GROUP BY pool, sku) m USING (pool, sku)
        WHERE (coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.open_demand, 0))
            <> (coalesce(m.on_hand, 0), coalesce(m.reserved, 0), coalesce(m.open_demand, 0))
    """,
    "location_ledger_equals_levels": """
        SELECT location || '/' || sku,
            format('level %s %s, ledger %s %s', l.on_hand, l.reserved, m.on_hand, m.reserved)
        FROM location_levels l FULL JOIN (
            SELECT location, sku, sum(on_hand_change) AS on_hand, sum(reserved_change) AS reserved
            FROM stock_movements WHERE location IS NOT NULL
            GROUP BY location, sku) m USING (location, sku)
        WHERE (coalesce(l.on_hand, 0), coalesce(l.reserved, 0))
            <> (coalesce(m.on_hand, 0), coalesce(m.reserved, 0))
    """,
    "pool_balances_follow_their_movements": """
        SELECT key, format('from %s %s %s to %s %s %s by %s %s %s',
            before_on_hand, before_reserved, before_open_demand, pool_on_hand, pool_reserved,
            pool_open_demand, on_hand_change, reserved_change, open_demand_change)
        FROM (SELECT *, coalesce(lag(pool_on_hand) OVER same, 0) AS before_on_hand,
                coalesce(lag(pool_reserved) OVER same, 0) AS before_reserved,
                coalesce(lag(pool_open_demand) OVER same, 0) AS before_open_demand
            FROM stock_movements
            WINDOW same AS (PARTITION BY sku, pool ORDER BY movement_id)) m
        WHERE (pool_on_hand, pool_reserved, pool_open_demand) <> (before_on_hand + on_hand_change,
            before_reserved + reserved_change, before_open_demand + open_demand_change)
    """,
    "location_balances_follow_their_movements": """
        SELECT key, format('from %s %s to %s %s by %s %s', before_on_hand, before_reserved,
            location_on_hand, location_reserved, on_hand_change, reserved_change)
        FROM (SELECT *, coalesce(lag(location_on_hand) OVER same, 0) AS before_on_hand,
                coalesce(lag(location_reserved) OVER same, 0) AS before_reserved
            FROM stock_movements WHERE location IS NOT NULL
            WINDOW same AS (PARTITION BY location, sku ORDER BY movement_id)) m
        WHERE (location_on_hand, location_reserved) IS DISTINCT FROM
            (before_on_hand + on_hand_change, before_reserved + reserved_change)
    """,
    "pool_holds_what_its_locations_hold": """
        SELECT l.pool || '/' || l.sku, format('pool %s %s, locations %s %s', l.on_hand,
            l.reserved, coalesce(v.on_hand, 0), coalesce(v.reserved, 0))
        FROM pool_levels l LEFT JOIN (
            SELECT p.pool, v.sku, sum(v.on_hand) AS on_hand, sum(v.reserved) AS reserved
            FROM location_levels v JOIN locations p USING (location)
            GROUP BY p.pool, v.sku) v USING (pool, sku)
        WHERE (l.on_hand, l.reserved) <> (coalesce(v.on_hand, 0), coalesce(v.reserved, 0))
    """,
    "no_level_below_policy": """
        SELECT pool || '/' || sku, format('%s on hand, %s reserved, %s open demand', on_hand,
            reserved, open_demand)
        FROM pool_levels WHERE on_hand < reserved + open_demand OR least(reserved, open_demand) < 0
        UNION ALL
        SELECT location || '/' || sku, format('%s on hand, %s reserved', on_hand, reserved)
        FROM location_levels WHERE on_hand < reserved OR reserved < 0
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
    # Each unit held, over all attempts, came in by one movement and left by one of its end's kind.
    "reservation_ended_once": """
        SELECT order_id || '/' || sku, format('held %s, allocated %s, released %s, expired %s; '
            'moved in %s, out %s %s %s', r.whole, r.allocated, r.released, r.expired, m.whole,
            m.allocated, m.released, m.expired)
        FROM (SELECT order_id, sku, sum(quantity) AS whole,
                coalesce(sum(quantity) FILTER (WHERE state = 'allocated'), 0) AS allocated,
                coalesce(sum(quantity) FILTER (WHERE state = 'released'), 0) AS released,
                coalesce(sum(quantity) FILTER (WHERE state = 'expired'), 0) AS expired
            FROM reservations GROUP BY order_id, sku) r
        FULL JOIN (SELECT order_id, sku,
                coalesce(sum(open_demand_change) FILTER (WHERE kind = 'reserve'), 0) AS whole,
                coalesce(-sum(open_demand_change) FILTER (WHERE kind = 'allocate'), 0) AS allocated,
                coalesce(-sum(open_demand_change) FILTER (WHERE kind = 'release'), 0) AS released,
                coalesce(-sum(open_demand_change) FILTER (WHERE kind = 'expire'), 0) AS expired
            FROM stock_movements WHERE order_id IS NOT NULL GROUP BY order_id, sku) m
            USING (order_id, sku)
        WHERE (coalesce(r.whole, 0), coalesce(r.allocated, 0), coalesce(r.released, 0),
                coalesce(r.expired, 0)) IS DISTINCT FROM
            (coalesce(m.whole, 0), coalesce(m.allocated, 0), coalesce(m.released, 0),
                coalesce(m.expired, 0))
    """,
    # A hold that its location could not ship is given back in part, or as if it never was.
    "allocation_ended_once": """
        SELECT fulfillment_id || '/' || sku, format('%s of %s; moved in %s, shipped %s, back %s',
            a.state, a.quantity, m.allocated, m.shipped, m.released)
        FROM allocations a FULL JOIN (SELECT fulfillment_id, sku,
                coalesce(sum(reserved_change) FILTER (WHERE kind IN ('allocate', 'short')), 0)
                    AS allocated,
                coalesce(-sum(on_hand_change) FILTER (WHERE kind = 'ship'), 0) AS shipped,
                coalesce(-sum(reserved_change) FILTER (WHERE kind = 'deallocate'), 0) AS released
            FROM stock_movements WHERE fulfillment_id IS NOT NULL GROUP BY fulfillment_id, sku) m
            USING (fulfillment_id, sku)
        WHERE (coalesce(a.quantity, 0), CASE WHEN a.state = 'shipped' THEN a.quantity ELSE 0 END,
                CASE WHEN a.state = 'released' THEN a.quantity ELSE 0 END)
            IS DISTINCT FROM (m.allocated, m.shipped, m.released)
    """,
    "closed_order_holds_no_stock": """
        SELECT order_id || '/' || sku, 'still held' FROM orders JOIN reservations USING (order_id)
        WHERE outcome IS NOT NULL AND state = 'held'
    """,
}
