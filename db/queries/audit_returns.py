"""The invariants of returns as queries: subject and detail of every violation."""

from typing import Final

RULES: Final[dict[str, str]] = {
    "promised_units_are_in_open_returns": """
        SELECT l.fulfillment_id || '/' || l.line_no, format('%s promised, %s in open returns',
            l.in_return, coalesce(i.units, 0))
        FROM fulfillment_lines l LEFT JOIN (
            SELECT fulfillment_id, line_no, sum(requested) AS units
            FROM return_items JOIN returns USING (rma) WHERE settled_at IS NULL
                AND state <> 'closed' GROUP BY 1, 2) i USING (fulfillment_id, line_no)
        WHERE l.in_return <> coalesce(i.units, 0)
    """,
    "returned_units_were_judged": """
        SELECT l.fulfillment_id || '/' || l.line_no, format('%s returned, %s judged', l.returned,
            coalesce(i.units, 0))
        FROM fulfillment_lines l LEFT JOIN (
            SELECT fulfillment_id, line_no, sum(accepted + rejected) AS units
            FROM return_items JOIN returns USING (rma) WHERE settled_at IS NOT NULL GROUP BY 1, 2
        ) i USING (fulfillment_id, line_no)
        WHERE l.returned <> coalesce(i.units, 0)
    """,
    "received_units_have_a_fate": """
        SELECT i.rma || '/' || i.item_no, format('%s received, %s decided', i.received,
            coalesce(d.units, 0))
        FROM return_items i JOIN returns r USING (rma) LEFT JOIN (
            SELECT rma, item_no, sum(quantity) AS units
            FROM return_dispositions GROUP BY 1, 2) d USING (rma, item_no)
        WHERE r.inspected_at IS NOT NULL AND i.received <> coalesce(d.units, 0)
    """,
    "only_restocked_units_are_stock": """
        SELECT r.order_id || '/' || sku, format('restocked %s, moved %s', r.units, m.units)
        FROM (SELECT order_id, sku, sum(quantity) AS units
            FROM return_dispositions JOIN return_items USING (rma, item_no)
                JOIN returns USING (rma)
            WHERE disposition = 'restock' GROUP BY 1, 2) r
        FULL JOIN (SELECT order_id, sku, sum(on_hand_change) AS units FROM stock_movements
            WHERE kind = 'restock' AND order_id IS NOT NULL GROUP BY 1, 2) m USING (order_id, sku)
        WHERE r.units IS DISTINCT FROM m.units
    """,
    "return_gives_what_it_decided": """
        SELECT rma, format('refund %s, parts %s', r.refund_minor, coalesce(p.amount, 0))
        FROM returns r LEFT JOIN (SELECT rma, sum(amount_minor) AS amount
            FROM return_refunds GROUP BY 1) p USING (rma)
        WHERE r.refund_minor <> coalesce(p.amount, 0)
    """,
    "closed_return_owes_nothing": """
        SELECT rma || '/' || refund_no, 'decided, and not given back'
        FROM return_refunds JOIN returns USING (rma)
        WHERE state = 'closed' AND made_at IS NULL AND given_up_at IS NULL
    """,
    "refund_follows_its_intent": """
        SELECT p.rma || '/' || p.refund_no, format('made, its intent is %s', i.state)
        FROM return_refunds p LEFT JOIN payment_intents i ON i.key = p.intent_key
        WHERE p.made_at IS NOT NULL AND (i.state IS DISTINCT FROM 'done'
            OR i.amount_minor <> p.amount_minor)
    """,
    "exchange_is_settled_with_its_parcel": """
        SELECT f.fulfillment_id, format('%s, its return is closed', f.state)
        FROM fulfillments f JOIN returns USING (rma)
        WHERE returns.state = 'closed' AND f.ended_at IS NULL
    """,
}
