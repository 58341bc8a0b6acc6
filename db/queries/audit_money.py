"""The invariants of money as queries: subject and detail of every violation."""

from typing import Final

RULES: Final[dict[str, str]] = {
    "order_adds_up": """
        SELECT order_id, format('total %s, lines and charges %s, tenders %s', o.total_minor,
            coalesce(l.amount, 0) + coalesce(c.amount, 0), t.amount)
        FROM orders o
        LEFT JOIN (SELECT order_id,
                sum(quantity * unit_price_minor + tax_minor - discount_minor) AS amount
            FROM order_lines GROUP BY order_id) l USING (order_id)
        LEFT JOIN (SELECT order_id, sum(amount_minor) AS amount
            FROM order_charges GROUP BY order_id) c USING (order_id)
        LEFT JOIN (SELECT order_id, sum(amount_minor - lowered_minor) AS amount
            FROM tenders WHERE rma IS NULL GROUP BY order_id) t USING (order_id)
        WHERE o.total_minor <> coalesce(l.amount, 0) + coalesce(c.amount, 0)
            OR o.total_minor <> coalesce(t.amount, 0)
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
    """,
    "captured_within_authorized": """
        SELECT authorization_key, format('authorized %s, captured %s, refunded %s', amount_minor,
            captured_minor, refunded_minor)
        FROM authorizations
        WHERE captured_minor > amount_minor OR refunded_minor > captured_minor
    """,
    "tender_is_taken_once": """
        SELECT order_id || '/' || tender_no, format('costs %s, kept %s', t.amount_minor,
            sum(a.captured_minor - a.refunded_minor))
        FROM tenders t JOIN authorizations a USING (order_id, tender_no)
        GROUP BY order_id, tender_no, t.amount_minor
        HAVING sum(a.captured_minor - a.refunded_minor) > t.amount_minor
    """,
    "intent_ended_with_its_event": """
        SELECT i.key, format('%s, event: %s', i.state, coalesce(e.event, 'none'))
        FROM payment_intents i LEFT JOIN payment_events e USING (key)
        WHERE (i.state = 'begun') <> (e.key IS NULL)
    """,
    "closed_order_left_nothing_unknown": """
        SELECT key, 'begun, and nobody asks what became of it'
        FROM payment_intents i JOIN orders o USING (order_id)
        WHERE state = 'begun' AND verb IN ('authorize', 'charge', 'slip') AND outcome IS NOT NULL
            AND NOT EXISTS (SELECT FROM tenders t JOIN returns r USING (rma)
                WHERE t.order_id = i.order_id AND t.tender_no = i.tender_no AND r.outcome IS NULL)
            AND NOT EXISTS (SELECT FROM exceptions x
            WHERE x.order_id = i.order_id AND x.resolution = 'skip' AND x.step = 'finish payment')
        UNION ALL
        SELECT authorization_key, 'still held'
        FROM authorizations a JOIN orders o USING (order_id)
        WHERE state = 'held' AND outcome IS NOT NULL
            AND NOT EXISTS (SELECT FROM tenders t JOIN returns r USING (rma)
                WHERE t.order_id = a.order_id AND t.tender_no = a.tender_no AND r.outcome IS NULL)
            AND NOT EXISTS (SELECT FROM exceptions x
            WHERE x.order_id = a.order_id AND x.resolution = 'skip' AND x.step LIKE '% payment')
    """,
    "shipped_is_paid": """
        SELECT coalesce(s.authorization_key, s.fulfillment_id || '/' || s.tender_no),
            format('shipped for %s, kept %s', sum(s.amount_minor),
                coalesce(max(a.captured_minor - a.refunded_minor + coalesce(r.back, 0)), 0))
        FROM fulfillments f JOIN fulfillment_shares s USING (fulfillment_id)
            LEFT JOIN authorizations a USING (authorization_key)
            LEFT JOIN (SELECT authorization_key, sum(amount_minor) AS back FROM return_refunds
                WHERE made_at IS NOT NULL GROUP BY 1) r USING (authorization_key)
        WHERE f.handed_over_at IS NOT NULL AND f.state <> 'lost'
            AND NOT EXISTS (SELECT FROM exceptions x
                WHERE x.resolution = 'skip' AND x.step = 'capture payment' AND (
                    x.fulfillment_id = f.fulfillment_id
                    OR starts_with(x.exception_id, f.rma || '-x')))
        GROUP BY 1
        HAVING sum(s.amount_minor)
            > coalesce(max(a.captured_minor - a.refunded_minor + coalesce(r.back, 0)), 0)
    """,
    "parcel_shares_add_up": """
        SELECT f.fulfillment_id, format('worth %s, tenders pay %s', f.share_minor,
            coalesce(s.amount, 0))
        FROM fulfillments f LEFT JOIN (SELECT fulfillment_id, sum(amount_minor) AS amount
            FROM fulfillment_shares GROUP BY 1) s USING (fulfillment_id)
        WHERE f.share_minor <> coalesce(s.amount, 0)
    """,
}

# Of a closed order, what returns gave back counted in, but for units of parcels lost since; a slip
# paid late stays in this state until its refund is made.
KEPT_IS_SHIPPED: Final = """
    SELECT o.order_id, format('kept %s, shipped for %s', coalesce(m.kept, 0), coalesce(s.amount, 0))
    FROM orders o LEFT JOIN (
        SELECT order_id, sum(captured_minor - refunded_minor) AS kept
        FROM authorizations GROUP BY 1) m USING (order_id)
    LEFT JOIN (
        SELECT order_id, sum(share_minor) AS amount FROM fulfillments
        WHERE handed_over_at IS NOT NULL AND state <> 'lost' GROUP BY 1) s USING (order_id)
    LEFT JOIN (
        SELECT order_id, sum(amount_minor) AS amount
        FROM return_refunds JOIN returns b USING (rma) WHERE made_at IS NOT NULL AND EXISTS (
            SELECT FROM return_items i JOIN fulfillments f USING (fulfillment_id)
            WHERE i.rma = b.rma AND f.state <> 'lost') GROUP BY 1
    ) r USING (order_id)
    WHERE o.outcome IS NOT NULL
        AND coalesce(m.kept, 0) + coalesce(r.amount, 0) <> coalesce(s.amount, 0)
        AND NOT EXISTS (SELECT FROM exceptions x WHERE x.order_id = o.order_id
            AND x.resolution = 'skip' AND x.step LIKE '% payment')
"""
