"""A label that is being bought says since when."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("labels", sa.Column("buying_at", sa.DateTime(timezone=True), nullable=True))
    # What is being bought just now was asked for after it was written down, and before this.
    op.execute("UPDATE labels SET buying_at = now() WHERE state = 'buying'")
    op.create_check_constraint(
        op.f("ck_labels_buying_since_when"), "labels", "state <> 'buying' OR buying_at IS NOT NULL"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
