"""An import that breaks off has failed; its rejects are given as their file was divided."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_CHECKS = {
    "state_known": "state IN ('running', 'done', 'refused', 'failed')",
    "refused_says_why": "(state IN ('refused', 'failed')) = (detail IS NOT NULL)",
}


def upgrade() -> None:
    op.add_column("imports", sa.Column("delimiter", sa.Text(), nullable=True))
    for name, rule in _CHECKS.items():
        op.drop_constraint(op.f(f"ck_imports_{name}"), "imports")
        op.create_check_constraint(op.f(f"ck_imports_{name}"), "imports", rule)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
