"""Reconciliation tasks, and when an exception was escalated."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "exceptions", sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "exceptions", sa.Column("escalations", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_table(
        "reconciliation_lines",
        sa.Column("look", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("line", postgresql.JSONB(), nullable=False),
        sa.Column(
            "read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("look", "ref", name=op.f("pk_reconciliation_lines")),
    )
    op.create_table(
        "reconciliation_tasks",
        sa.Column("task_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("ours", postgresql.JSONB(), nullable=True),
        sa.Column("theirs", postgresql.JSONB(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen_by", sa.Text(), nullable=False),
        sa.Column(
            "first_seen",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "last_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('suspected', 'open', 'resolved')",
            name=op.f("ck_reconciliation_tasks_state_known"),
        ),
        sa.CheckConstraint(
            "resolution IN ('vanished', 'settled')",
            name=op.f("ck_reconciliation_tasks_resolution_known"),
        ),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL AND resolved_by IS NOT NULL)",
            name=op.f("ck_reconciliation_tasks_resolved_once"),
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_reconciliation_tasks")),
    )
    op.create_index(
        "uq_reconciliation_tasks_one_unresolved",
        "reconciliation_tasks",
        ["scope", "kind", "subject"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_index("ix_reconciliation_tasks_listed", "reconciliation_tasks", ["state", "task_id"])
    op.create_index(
        "ix_reconciliation_tasks_subject", "reconciliation_tasks", ["scope", "kind", "subject"]
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
