"""Brands: how a channel shows itself to its customers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sender_name", sa.Text(), nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("logo_url", sa.Text(), nullable=True),
        sa.Column("logo_alt", sa.Text(), nullable=True),
        sa.Column("support", sa.Text(), nullable=True),
        sa.Column("legal_lines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("colors", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("language IN ('en', 'es', 'pt')", name=op.f("ck_brands_language_known")),
        sa.CheckConstraint("logo_url ~ '^https://'", name=op.f("ck_brands_logo_is_fetched_safely")),
        sa.ForeignKeyConstraint(["channel"], ["channels.channel"], name=op.f("fk_brands_channel")),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_brands")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
