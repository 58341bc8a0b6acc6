"""The audit log says why, and what was before and after."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column(
        "audit_log",
        sa.Column(
            "before", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    # What was written so far is what was asked for.
    op.alter_column("audit_log", "data", new_column_name="after")
    op.create_check_constraint(
        op.f("ck_audit_log_named"), "audit_log", "actor <> '' AND action <> '' AND subject <> ''"
    )
    for column in ("subject", "actor", "action"):
        op.create_index(f"ix_audit_log_{column}", "audit_log", [column, "audit_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
