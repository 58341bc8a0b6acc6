"""A tender pays less once a price was lowered; what it was taken for stays as it was."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenders", sa.Column("lowered_minor", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_tenders_lowered_within_amount"),
        "tenders",
        "lowered_minor >= 0 AND lowered_minor < amount_minor",
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
