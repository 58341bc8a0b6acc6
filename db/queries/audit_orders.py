"""The invariants of orders and parcels as queries: subject and detail of every violation."""

from typing import Final

RULES: Final[dict[str, str]] = {
    "units_are_conserved": """
        SELECT order_id || '/' || line_no, format('%s ordered, %s cancelled, %s shipped', quantity,
            cancelled, shipped)
        FROM order_lines l JOIN orders o USING (order_id)
        WHERE cancelled + shipped > quantity
            OR (o.outcome IS NOT NULL AND cancelled + shipped <> quantity)
    """,
    # A replacement's units were counted with the parcel that it replaces.
    # What no parcel took is counted as cancelled when the order closes, not before.
    "lines_count_what_parcels_did": """
        SELECT order_id || '/' || line_no, format('%s cancelled %s shipped; parcels %s %s',
            l.cancelled, l.shipped, coalesce(p.cancelled, 0), coalesce(p.shipped, 0))
        FROM order_lines l JOIN orders o USING (order_id) LEFT JOIN (
            SELECT f.order_id, u.line_no,
                coalesce(sum(u.quantity) FILTER (WHERE f.state = 'cancelled'), 0) AS cancelled,
                coalesce(sum(u.quantity) FILTER (WHERE f.handed_over_at IS NOT NULL), 0) AS shipped
            FROM fulfillments f JOIN fulfillment_lines u USING (fulfillment_id)
            WHERE f.replaces IS NULL
            GROUP BY 1, 2) p USING (order_id, line_no)
        WHERE l.shipped <> coalesce(p.shipped, 0)
            OR (o.outcome IS NULL AND l.cancelled <> coalesce(p.cancelled, 0))
    """,
    "routed_units_are_in_one_parcel": """
        SELECT l.order_id || '/' || l.line_no, format('%s ordered, %s in parcels', l.quantity,
            coalesce(sum(u.quantity), 0))
        FROM order_lines l
            LEFT JOIN (SELECT f.order_id, u.* FROM fulfillments f
                JOIN fulfillment_lines u USING (fulfillment_id)
                WHERE f.replaces IS NULL) u USING (order_id, line_no)
        WHERE EXISTS (SELECT FROM fulfillments f WHERE f.order_id = l.order_id)
        GROUP BY l.order_id, l.line_no, l.quantity
        HAVING coalesce(sum(u.quantity), 0) <> l.quantity
    """,
    # What waits for stock has no units; the table's rule says which those are.
    "parcel_units_are_allocated": """
        SELECT fulfillment_id || '/' || sku, format('%s in the parcel, %s allocated',
            coalesce(l.quantity, 0), coalesce(a.quantity, 0))
        FROM (SELECT fulfillment_id, sku, sum(quantity) AS quantity
            FROM fulfillment_lines JOIN fulfillments USING (fulfillment_id)
            WHERE backordered_at IS NULL OR filled_at IS NOT NULL GROUP BY 1, 2) l
            FULL JOIN allocations a USING (fulfillment_id, sku)
        WHERE coalesce(l.quantity, 0) <> coalesce(a.quantity, 0)
    """,
    "parcel_and_allocation_agree": """
        SELECT f.fulfillment_id || '/' || a.sku, format('parcel %s, units %s', f.state, a.state)
        FROM fulfillments f JOIN allocations a USING (fulfillment_id)
        WHERE a.state <> CASE WHEN f.state IN ('handed_over', 'delivered', 'lost') THEN 'shipped'
            WHEN f.state = 'cancelled' THEN 'released' ELSE 'allocated' END
    """,
    "replacement_carries_the_same_units": """
        SELECT f.fulfillment_id, format('it is %s and worth %s; replaced are %s',
            f.state, f.share_minor, jsonb_object_agg(n.line_no, n.quantity))
        FROM (SELECT replaces, line_no, sum(quantity)::bigint AS quantity
            FROM fulfillments JOIN fulfillment_lines USING (fulfillment_id)
            WHERE replaces IS NOT NULL GROUP BY 1, 2) n
        JOIN fulfillments f ON f.fulfillment_id = n.replaces
        LEFT JOIN fulfillment_lines l ON l.fulfillment_id = f.fulfillment_id
            AND l.line_no = n.line_no
        GROUP BY f.fulfillment_id
        HAVING f.state <> 'lost' OR f.handed_over_at IS NULL OR f.share_minor <> 0
            OR bool_or(l.quantity IS DISTINCT FROM n.quantity)
    """,
    "shipped_has_one_label": """
        SELECT f.fulfillment_id, format('%s bought labels', count(b.label_key))
        FROM fulfillments f LEFT JOIN labels b ON b.fulfillment_id = f.fulfillment_id
            AND b.state = 'bought'
        WHERE f.handed_over_at IS NOT NULL AND NOT f.is_pickup
        GROUP BY 1 HAVING count(b.label_key) <> 1
    """,
    "collected_parcel_has_no_label": """
        SELECT f.fulfillment_id, format('%s is %s', b.label_key, b.state)
        FROM fulfillments f JOIN labels b USING (fulfillment_id) WHERE f.is_pickup
    """,
    "cancelled_parcel_keeps_no_label": """
        SELECT f.fulfillment_id, format('%s is %s', b.label_key, b.state)
        FROM fulfillments f JOIN labels b USING (fulfillment_id)
        WHERE f.state = 'cancelled' AND b.state <> 'voided' AND NOT EXISTS (SELECT FROM exceptions x
            WHERE x.fulfillment_id = f.fulfillment_id AND x.step = 'void label'
                AND x.resolution = 'skip')
    """,
    "closed_order_has_no_open_parcel": """
        SELECT fulfillment_id, format('%s, its order is %s', f.state, o.outcome)
        FROM fulfillments f JOIN orders o USING (order_id)
        WHERE o.outcome IS NOT NULL AND f.ended_at IS NULL AND f.rma IS NULL
    """,
    "open_order_has_next_step_and_deadline": """
        SELECT order_id, 'no next step or deadline' FROM orders
        WHERE outcome IS NULL AND (next_step IS NULL OR next_deadline IS NULL)
        UNION ALL
        SELECT fulfillment_id, 'no next step or deadline' FROM fulfillments
        WHERE ended_at IS NULL AND (next_step IS NULL OR next_deadline IS NULL)
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
    "order_has_its_document": """
        SELECT o.order_id, 'no document in the inbox'
        FROM orders o LEFT JOIN inbox i ON i.source = o.channel AND i.kind = 'order'
            AND i.external_id = o.external_id
        WHERE i.inbox_id IS NULL
    """,
    "closed_order_has_no_change_to_make": """
        SELECT c.order_id, format('change %s is confirmed, the order %s', c.number, o.outcome)
        FROM order_changes c JOIN orders o USING (order_id)
        WHERE c.state = 'confirmed' AND o.outcome IS NOT NULL
    """,
    "order_is_found_by_what_it_is": """
        SELECT order_id, CASE WHEN n.words IS DISTINCT FROM s.words THEN 'other words'
            ELSE 'a word is nowhere looked up' END
        FROM order_words_now n FULL JOIN order_search s USING (order_id)
        WHERE n.words IS DISTINCT FROM s.words OR EXISTS (SELECT FROM unnest(s.words) AS w(word)
            WHERE strpos(w.word, '@') = 0
                AND NOT EXISTS (SELECT FROM search_words k WHERE k.word = w.word COLLATE "C"))
    """,
    "word_lists_its_orders": """
        SELECT order_id || '/' || word, CASE WHEN listed.word IS NULL THEN 'not listed'
            ELSE 'listed without having it' END
        FROM (SELECT s.order_id, s.placed_at, w.word COLLATE "C" AS word
            FROM order_search s, unnest(s.words) AS w(word)) had
            FULL JOIN (SELECT order_id, placed_at, word FROM word_orders) listed
            USING (order_id, placed_at, word)
        WHERE had.word IS NULL OR listed.word IS NULL
    """,
    "order_is_listed_as_it_stands": """
        SELECT order_id, format('%s %s %s %s; listed as %s %s %s %s', n.payment, n.fulfillment,
            n.returned, n.next_deadline, s.payment, s.fulfillment, s.returned, s.next_deadline)
        FROM order_states_now n FULL JOIN order_states s USING (order_id)
        WHERE (n.payment, n.fulfillment, n.returned, n.next_deadline)
            IS DISTINCT FROM (s.payment, s.fulfillment, s.returned, s.next_deadline)
    """,
    "story_is_complete": """
        SELECT o.order_id, format('version %s, %s events up to %s', o.version, count(e.sequence),
            max(e.sequence))
        FROM orders o LEFT JOIN order_events e USING (order_id) GROUP BY o.order_id
        HAVING count(e.sequence) <> o.version OR coalesce(max(e.sequence), 0) <> o.version
    """,
}
