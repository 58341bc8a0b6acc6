"""Changes of placed orders: what was wished, and what became of it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import ORDER, at, check, integer, metadata, now_at, one_of, text

order_changes = sa.Table(
    "order_changes",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("number"),
    text("state"),  # dropped: the order ended first
    sa.Column("wishes", JSONB, nullable=False),
    text("code", null=True),  # why it was refused
    integer("refund_minor", default=0),
    integer("charge_minor", default=0),
    text("asked_by"),
    now_at("asked_at"),
    at("ended_at"),
    sa.PrimaryKeyConstraint("order_id", "number"),
    one_of("state", "confirmed", "applied", "refused", "dropped"),
    check("ended_once", "(state = 'confirmed') = (ended_at IS NULL)"),
    check("refused_says_why", "(state = 'refused') = (code IS NOT NULL)"),
    check("money_not_negative", "refund_minor >= 0 AND charge_minor >= 0"),
)
