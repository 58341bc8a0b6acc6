"""What is open among the fulfillment orders is found without reading those that ended."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_fulfillments_open",
        "fulfillments",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
