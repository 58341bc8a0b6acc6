"""What holds orders up, how suspicious they are, and the addresses that staff corrected."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import ORDER, at, check, identity, integer, metadata, now_at, one_of, text

# An order that ends takes its open holds with it: they are closed.
holds = sa.Table(
    "holds",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("number"),
    text("key"),  # who asked for it: the same asking again is the same hold
    text("kind"),
    sa.Column("blocks", ARRAY(sa.Text), nullable=False),
    text("owner"),
    text("on_expiry"),
    text("state"),
    at("deadline", null=False),
    text("placed_by"),
    now_at("placed_at"),
    text("ended_by", null=True),
    at("ended_at"),
    sa.PrimaryKeyConstraint("order_id", "number"),
    sa.UniqueConstraint("order_id", "key"),
    one_of(
        "kind", "fraud_review", "payment_review", "address_problem", "customer_request",
        "grace_period", "preorder_date", "stock_shortage", "channel_hold",
    ),
    one_of("on_expiry", "release", "cancel", "escalate"),
    one_of("state", "open", "released", "expired", "closed"),
    check("blocks_something", "cardinality(blocks) > 0"),
    check("ended_once", "(state = 'open') = (ended_at IS NULL)"),
    sa.Index("ix_holds_open", "kind", "order_id", postgresql_where=sa.text("state = 'open'")),
)  # fmt: skip

# The keys are hashes, by which the orders of a customer, and to an address, are counted.
fraud_assessments = sa.Table(
    "fraud_assessments",
    metadata,
    sa.Column("order_id", sa.Text, sa.ForeignKey(ORDER), primary_key=True),
    integer("score"),
    integer("review_from"),
    sa.Column("facts", JSONB, nullable=False),
    text("customer_key", null=True),
    text("address_key", null=True),
    text("scorer", null=True),  # the external one that was asked as well
    now_at("assessed_at"),
    check("score_in_range", "score BETWEEN 0 AND 100"),
    sa.Index("ix_fraud_assessments_customer", "customer_key", "assessed_at"),
    sa.Index("ix_fraud_assessments_address", "address_key", "assessed_at"),
)

address_corrections = sa.Table(
    "address_corrections",
    metadata,
    identity("correction_id"),
    text("order_id", sa.ForeignKey(ORDER)),
    sa.Column("address", JSONB, nullable=False),
    text("said_by"),
    now_at("said_at"),
    at("applied_at"),  # when it became the order's, once it could be delivered to
    sa.Index("ix_address_corrections_order", "order_id", "correction_id"),
)
