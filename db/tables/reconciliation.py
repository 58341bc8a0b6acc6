"""Where our books and somebody else's differ: a task for a person, with both sides."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import at, check, identity, metadata, now_at, one_of, text

# What the others' books said, page by page, until a run has compared it with ours.
reconciliation_lines = sa.Table(
    "reconciliation_lines",
    metadata,
    text("look"),
    text("ref"),
    sa.Column("line", JSONB, nullable=False),
    now_at("read_at"),
    sa.PrimaryKeyConstraint("look", "ref"),
)

reconciliation_tasks = sa.Table(
    "reconciliation_tasks",
    metadata,
    identity("task_id"),
    text("scope"),  # whose books: payments, labels, orders of a channel, runs
    text("kind"),
    text("subject"),
    text("detail"),
    sa.Column("ours", JSONB, nullable=True),
    sa.Column("theirs", JSONB, nullable=True),
    text("state"),  # suspected: seen once; open: seen again a moment later
    text("seen_by"),  # the look that suspected it
    now_at("first_seen"),
    now_at("last_seen"),
    at("escalated_at"),
    text("resolution", null=True),
    text("resolved_by", null=True),
    text("note", null=True),
    at("resolved_at"),
    one_of("state", "suspected", "open", "resolved"),
    # vanished: a later run saw no difference; settled: a person says that it may stay as it is
    one_of("resolution", "vanished", "settled"),
    check(
        "resolved_once",
        "(state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL "
        "AND resolved_by IS NOT NULL)",
    ),
    sa.Index(
        "uq_reconciliation_tasks_one_unresolved", "scope", "kind", "subject", unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
    ),
    sa.Index("ix_reconciliation_tasks_listed", "state", "task_id"),
    sa.Index("ix_reconciliation_tasks_subject", "scope", "kind", "subject"),
)  # fmt: skip
