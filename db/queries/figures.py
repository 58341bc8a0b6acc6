"""What the database says about the state of the house, as figures: nobody's name, no one's id.

Each query reads what is open, by an index of its own, and nothing of what has ended.
"""

from typing import Final

# An age in words; the last has no end.
AGES: Final[dict[str, str]] = {
    "under_1h": "1 hour",
    "under_1d": "1 day",
    "under_3d": "3 days",
    "under_7d": "7 days",
    "under_30d": "30 days",
}
OLDEST: Final = "over_30d"


def _age(column: str) -> str:
    arms = " ".join(
        f"WHEN {column} > now() - interval '{span}' THEN '{age}'" for age, span in AGES.items()
    )
    return f"CASE {arms} ELSE '{OLDEST}' END"


# The state of an open order is that of its part which is furthest back, or `placing` before there
# is one; one whose parts have all ended is `closing`.
_FURTHEST_BACK: Final = (
    "backordered", "open", "picked", "packed", "ready_for_pickup", "handing_over", "handed_over",
)  # fmt: skip
_PART_STATE: Final = f"'{{{','.join(_FURTHEST_BACK)}}}'::text[]"
ORDER_STATES: Final = ("placing", *_FURTHEST_BACK, "closing")

# By the name of the figure: its labels are the columns before the last, which is its value.
QUERIES: Final[dict[str, str]] = {
    "orders_open": f"""
        SELECT CASE WHEN p.place IS NOT NULL THEN ({_PART_STATE})[p.place]
            WHEN EXISTS (SELECT FROM fulfillments f WHERE f.order_id = o.order_id) THEN 'closing'
            ELSE 'placing' END AS state,
            {_age("o.admitted_at")} AS age, count(*)
        FROM orders o LEFT JOIN (
            SELECT order_id, min(array_position({_PART_STATE}, state)) AS place
            FROM fulfillments WHERE ended_at IS NULL GROUP BY order_id) p USING (order_id)
        WHERE o.outcome IS NULL GROUP BY 1, 2
    """,  # noqa: S608 - words of this file
    # What waits for a person is late by its exception's deadline, not by its own.
    "overdue": """
        WITH asking AS MATERIALIZED (
            SELECT workflow_id, deadline FROM exceptions WHERE state = 'open')
        SELECT 'order' AS what, count(*) FROM orders o
        WHERE outcome IS NULL AND next_deadline < now() AND NOT EXISTS (
            SELECT FROM asking WHERE workflow_id = 'order-' || o.order_id)
        UNION ALL
        SELECT 'fulfillment', count(*) FROM fulfillments f
        WHERE ended_at IS NULL AND next_deadline < now() AND NOT EXISTS (
            SELECT FROM asking WHERE workflow_id = 'order-' || f.order_id || '/f/' || f.number)
        UNION ALL
        SELECT 'return', count(*) FROM returns r
        WHERE state <> 'closed' AND next_deadline < now() AND NOT EXISTS (
            SELECT FROM asking WHERE workflow_id = 'order-' || r.order_id || '/r/' || r.number)
        UNION ALL
        SELECT 'exception', count(*) FROM asking WHERE deadline < now()
    """,
    "exceptions_open": """
        SELECT reason AS kind, owner, count(*) FROM exceptions WHERE state = 'open' GROUP BY 1, 2
    """,
    "exceptions_overdue": """
        SELECT owner, count(*) FROM exceptions
        WHERE state = 'open' AND deadline < now() GROUP BY 1
    """,
    "holds_open": "SELECT kind, count(*) FROM holds WHERE state = 'open' GROUP BY 1",
    "returns_open": "SELECT state, count(*) FROM returns WHERE state <> 'closed' GROUP BY 1",
    "reconciliation_tasks_open": """
        SELECT scope, count(*) FROM reconciliation_tasks WHERE state = 'open' GROUP BY 1
    """,
    # A subscription's own lane would be a label without bounds: each kind of lane is one.
    "outbox_waiting": """
        SELECT split_part(lane, ':', 1) AS lane, count(*) FROM outbox
        WHERE delivered_at IS NULL AND dead_at IS NULL GROUP BY 1
    """,
    # What a disabled subscription would hear of is not late.
    "outbox_oldest_due_seconds": """
        SELECT split_part(lane, ':', 1) AS lane,
            max(extract(epoch FROM now() - next_attempt_at))::float
        FROM (
            SELECT lane, min(next_attempt_at) AS next_attempt_at FROM outbox
            WHERE delivered_at IS NULL AND dead_at IS NULL GROUP BY 1) l
        WHERE next_attempt_at < now() AND NOT EXISTS (
            SELECT FROM webhook_subscriptions s
            WHERE l.lane = 'webhook:' || s.subscription_id AND NOT s.enabled)
        GROUP BY 1
    """,
    "outbox_dead_letters": """
        SELECT kind AS lane, count(d.lane)
        FROM unnest('{email,channel,webhook,document}'::text[]) AS kind
            LEFT JOIN (SELECT split_part(lane, ':', 1) AS lane FROM outbox
                WHERE dead_at IS NOT NULL) d ON d.lane = kind
        GROUP BY 1
    """,
    "inbox_waiting": "SELECT kind, count(*) FROM inbox WHERE state = 'new' GROUP BY 1",
    "inbox_oldest_seconds": """
        SELECT kind, extract(epoch FROM now() - min(received_at))::float
        FROM inbox WHERE state = 'new' GROUP BY 1
    """,
}
