"""A claim on a carrier ends: settled with an amount, or refused."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CHECKS = {
    "state_known": "state IN ('open', 'settled', 'refused')",
    "ended_once": "(state = 'open') = (ended_at IS NULL)",
    "settled_with_an_amount": "(state = 'settled') = (settled_minor IS NOT NULL)",
    "settled_not_negative": "settled_minor >= 0",
}


def upgrade() -> None:
    for column in (
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("settled_minor", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("carrier_claims", column)
    for name, rule in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_carrier_claims_{name}"), "carrier_claims", rule)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
