"""Holds, fraud assessments, corrected addresses, and each channel's policy about them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "channels", sa.Column("undeliverable", sa.Text(), server_default="refuse", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_channels_undeliverable_known"), "channels", "undeliverable IN ('refuse', 'hold')"
    )
    op.add_column("channels", sa.Column("fraud_policy", postgresql.JSONB(), nullable=True))
    op.add_column(
        "products", sa.Column("available_from", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "holds",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("blocks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("on_expiry", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column(
            "placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('fraud_review', 'payment_review', 'address_problem', 'customer_request', 'grace_period', 'preorder_date', 'stock_shortage', 'channel_hold')",
            name=op.f("ck_holds_kind_known"),
        ),
        sa.CheckConstraint(
            "on_expiry IN ('release', 'cancel', 'escalate')", name=op.f("ck_holds_on_expiry_known")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'released', 'expired', 'closed')", name=op.f("ck_holds_state_known")
        ),
        sa.CheckConstraint("cardinality(blocks) > 0", name=op.f("ck_holds_blocks_something")),
        sa.CheckConstraint(
            "(state = 'open') = (ended_at IS NULL)", name=op.f("ck_holds_ended_once")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_holds_order_id")),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_holds")),
        sa.UniqueConstraint("order_id", "key", name=op.f("uq_holds_order_id_key")),
    )
    op.create_index(
        "ix_holds_open",
        "holds",
        ["kind", "order_id"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "fraud_assessments",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("review_from", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=True),
        sa.Column("address_key", sa.Text(), nullable=True),
        sa.Column("scorer", sa.Text(), nullable=True),
        sa.Column(
            "assessed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "score BETWEEN 0 AND 100", name=op.f("ck_fraud_assessments_score_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_fraud_assessments_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_fraud_assessments")),
    )
    for about in ("customer", "address"):
        op.create_index(
            f"ix_fraud_assessments_{about}", "fraud_assessments", [f"{about}_key", "assessed_at"]
        )
    op.create_table(
        "address_corrections",
        sa.Column("correction_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("address", postgresql.JSONB(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column(
            "said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_address_corrections_order_id")
        ),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_address_corrections")),
    )
    op.create_index(
        "ix_address_corrections_order", "address_corrections", ["order_id", "correction_id"]
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
