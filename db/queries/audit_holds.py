"""The invariants of holds as queries: subject and detail of every violation."""

from typing import Final

RULES: Final[dict[str, str]] = {
    "closed_order_has_no_open_hold": """
        SELECT h.order_id || '/' || h.number, format('%s is open, its order is %s', h.kind,
            o.outcome)
        FROM holds h JOIN orders o USING (order_id)
        WHERE o.outcome IS NOT NULL AND h.state = 'open'
    """,
    "routed_order_is_held_up_where_it_can_be": """
        SELECT h.order_id || '/' || h.number, format('%s was placed after routing', h.kind)
        FROM holds h
        WHERE NOT h.blocks && ARRAY['release', 'capture', 'shipping'] AND EXISTS (
            SELECT FROM order_events p JOIN order_events r USING (order_id)
            WHERE p.order_id = h.order_id AND p.event = 'HoldPlaced'
                AND p.data ->> 'number' = h.number::text
                AND r.event = 'OrderConfirmed' AND r.sequence < p.sequence)
    """,
}
