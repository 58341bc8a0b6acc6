"""Changes of placed orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_changes",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wishes", postgresql.JSONB(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("refund_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("charge_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('confirmed', 'applied', 'refused', 'dropped')",
            name=op.f("ck_order_changes_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'confirmed') = (ended_at IS NULL)", name=op.f("ck_order_changes_ended_once")
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (code IS NOT NULL)",
            name=op.f("ck_order_changes_refused_says_why"),
        ),
        sa.CheckConstraint(
            "refund_minor >= 0 AND charge_minor >= 0",
            name=op.f("ck_order_changes_money_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_order_changes_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_order_changes")),
    )
