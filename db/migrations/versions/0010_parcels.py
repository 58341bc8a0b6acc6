"""Fulfillment that goes wrong: backorders, replacements, count tasks, what was done about parcels."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATES = (
    "'backordered', 'open', 'picked', 'packed', 'handing_over', 'handed_over', 'delivered', "
    "'cancelled', 'lost'"
)
MOVEMENTS = (
    "'receive', 'adjust', 'reserve', 'release', 'expire', 'allocate', 'deallocate', 'ship', 'short'"
)


def upgrade() -> None:
    priority = sa.Column("priority", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("orders", priority)
    _channels()
    _fulfillments()
    _known("fulfillments", "state", STATES)
    _known("stock_movements", "kind", MOVEMENTS)
    _count_tasks()
    _plays_and_claims()


def _known(table: str, column: str, values: str) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({values})")


def _channels() -> None:
    for name, value in (("on_shortage", "backorder"), ("on_loss", "ask")):
        column = sa.Column(name, sa.Text(), server_default=value, nullable=False)
        op.add_column("channels", column)
    limit = sa.Column("decides_up_to_minor", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("channels", limit)
    for rule, condition in (
        ("on_shortage_known", "on_shortage IN ('backorder', 'cancel')"),
        ("on_loss_known", "on_loss IN ('ask', 'reship', 'refund')"),
        ("decides_not_negative", "decides_up_to_minor >= 0"),
    ):
        op.create_check_constraint(op.f(f"ck_channels_{rule}"), "channels", condition)


def _fulfillments() -> None:
    for name in ("backordered_at", "filled_at"):
        op.add_column("fulfillments", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in ("replaces", "found_by"):
        op.add_column("fulfillments", sa.Column(name, sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_fulfillments_replaces"),
        "fulfillments",
        "fulfillments",
        ["replaces"],
        ["fulfillment_id"],
    )
    op.create_index("ix_fulfillments_replaces", "fulfillments", ["replaces"])
    op.create_index("ix_fulfillments_found_by", "fulfillments", ["found_by"])
    op.create_check_constraint(
        op.f("ck_fulfillments_backordered_has_no_units"),
        "fulfillments",
        "(state <> 'backordered' OR (backordered_at IS NOT NULL AND filled_at IS NULL))"
        " AND (backordered_at IS NULL OR filled_at IS NOT NULL"
        " OR state IN ('backordered', 'cancelled'))",
    )
    op.create_index(
        "ix_fulfillments_backordered",
        "fulfillments",
        ["backordered_at", "fulfillment_id"],
        postgresql_where=sa.text("state = 'backordered'"),
    )


def _count_tasks() -> None:
    op.create_table(
        "count_tasks",
        sa.Column("count_task_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fulfillment_id", sa.Text(), nullable=True),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("counted_by", sa.Text(), nullable=True),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'counted')", name=op.f("ck_count_tasks_state_known")),
        sa.CheckConstraint(
            "(state = 'open') = (counted_at IS NULL)", name=op.f("ck_count_tasks_counted_once")
        ),
        sa.CheckConstraint("counted >= 0", name=op.f("ck_count_tasks_counted_not_negative")),
        sa.ForeignKeyConstraint(
            ["location"], ["locations.location"], name=op.f("fk_count_tasks_location")
        ),
        sa.ForeignKeyConstraint(["sku"], ["products.sku"], name=op.f("fk_count_tasks_sku")),
        sa.PrimaryKeyConstraint("count_task_id", name=op.f("pk_count_tasks")),
    )
    op.create_index(
        "uq_count_tasks_one_open",
        "count_tasks",
        ["location", "sku"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def _plays_and_claims() -> None:
    op.create_table(
        "parcel_plays",
        sa.Column("fulfillment_id", sa.Text(), nullable=False),
        sa.Column("play", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["fulfillment_id"],
            ["fulfillments.fulfillment_id"],
            name=op.f("fk_parcel_plays_fulfillment_id"),
        ),
        sa.PrimaryKeyConstraint("fulfillment_id", "play", name=op.f("pk_parcel_plays")),
    )
    op.create_table(
        "carrier_claims",
        sa.Column("fulfillment_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "filed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "cause IN ('lost', 'damaged', 'no_first_scan')",
            name=op.f("ck_carrier_claims_cause_known"),
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_carrier_claims_amount_not_negative")),
        sa.ForeignKeyConstraint(
            ["fulfillment_id"],
            ["fulfillments.fulfillment_id"],
            name=op.f("fk_carrier_claims_fulfillment_id"),
        ),
        sa.PrimaryKeyConstraint("fulfillment_id", name=op.f("pk_carrier_claims")),
    )
