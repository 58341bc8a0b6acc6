"""The catalogue as its owner keeps it: versions, trade data, calendars, carriers' accounts, imports."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TEXTS = postgresql.ARRAY(sa.Text())


def _flag(name: str, default: str = "true") -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text(default), nullable=False)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _version() -> sa.Column[Any]:
    return sa.Column("version", sa.BigInteger(), server_default="1", nullable=False)


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


_COLUMNS = {
    "pools": (_text("name", null=True), _version()),
    "locations": (
        _flag("ships"),
        _flag("receives_returns"),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("opening", postgresql.JSONB(), nullable=True),
        sa.Column("holidays", postgresql.ARRAY(sa.Date()), server_default="{}", nullable=False),
        _text("cut_off", null=True),
        _version(),
    ),
    "channels": (_flag("active"), _version()),
    "products": (
        sa.Column("barcodes", _TEXTS, server_default="{}", nullable=False),
        _text("hs_code", null=True),
        _text("origin", null=True),
        _flag("active"),
        _version(),
    ),
}
_CHECKS = (
    ("locations", "cut_off_is_a_time", "cut_off ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'"),
    ("products", "hs_code_digits", "hs_code ~ '^[0-9]{6}([0-9]{2}){0,2}$'"),
    ("products", "origin_is_a_country", "origin ~ '^[A-Z]{2}$'"),
)


def upgrade() -> None:
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    for table, name, rule in _CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
    op.create_index("ix_products_barcodes", "products", ["barcodes"], postgresql_using="gin")
    op.create_table(
        "carrier_accounts",
        _text("account"),
        _text("vendor"),
        _text("carrier"),
        _text("reference"),
        _text("credential"),
        sa.Column("services", _TEXTS, server_default="{}", nullable=False),
        _flag("active"),
        _version(),
        sa.CheckConstraint("vendor IN ('easypost')", name=op.f("ck_carrier_accounts_vendor_known")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_carrier_accounts")),
        sa.UniqueConstraint(
            "vendor", "reference", name=op.f("uq_carrier_accounts_vendor_reference")
        ),
    )
    _imports()


def _imports() -> None:
    op.create_table(
        "imports",
        _text("import_id"),
        _text("kind"),
        _text("format"),
        sa.Column("columns", _TEXTS, server_default="{}", nullable=False),
        _text("state"),
        _flag("all_or_nothing", "false"),
        _text("actor"),
        _text("detail", null=True),
        _count("created"),
        _count("updated"),
        _count("unchanged"),
        _count("rejected"),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('products', 'locations', 'stock')", name=op.f("ck_imports_kind_known")
        ),
        sa.CheckConstraint("format IN ('csv', 'jsonl')", name=op.f("ck_imports_format_known")),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'refused')", name=op.f("ck_imports_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'running') = (ended_at IS NULL)", name=op.f("ck_imports_ended_once")
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (detail IS NOT NULL)", name=op.f("ck_imports_refused_says_why")
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_started", "imports", ["started_at", "import_id"])
    op.create_table(
        "import_rejects",
        _text("import_id"),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("faults", postgresql.JSONB(), nullable=False),
        sa.Column("entry", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.import_id"],
            name=op.f("fk_import_rejects_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "row", name=op.f("pk_import_rejects")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
