"""Customers who want no optional mail."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_opt_outs",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "email = lower(email)", name=op.f("ck_mail_opt_outs_email_in_lower_case")
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channels.channel"], name=op.f("fk_mail_opt_outs_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "email", name=op.f("pk_mail_opt_outs")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
