"""Orders that are collected in a store, and orders that wait for stock from the beginning."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATES = (
    "'backordered', 'open', 'picked', 'packed', 'ready_for_pickup', 'handing_over', 'handed_over', "
    "'delivered', 'cancelled', 'lost'"
)


def upgrade() -> None:
    _stores()
    _fulfillments()
    _labels()
    op.create_table(
        "collection_tries",
        sa.Column("fulfillment_id", sa.Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("tries > 0", name=op.f("ck_collection_tries_tries_positive")),
        sa.ForeignKeyConstraint(
            ["fulfillment_id"],
            ["fulfillments.fulfillment_id"],
            name=op.f("fk_collection_tries_fulfillment_id"),
        ),
        sa.PrimaryKeyConstraint("fulfillment_id", name=op.f("pk_collection_tries")),
    )


def _stores() -> None:
    can: sa.Column[list[str]] = sa.Column(
        "capabilities", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
    )
    op.add_column("locations", can)
    _check("locations", "capabilities_known", "capabilities <@ ARRAY['pickup']")
    policy = sa.Column("on_out_of_stock", sa.Text(), server_default="refuse", nullable=False)
    op.add_column("channels", policy)
    _check("channels", "on_out_of_stock_known", "on_out_of_stock IN ('refuse', 'backorder')")
    op.add_column("orders", sa.Column("pickup_location", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_orders_pickup_location"), "orders", "locations", ["pickup_location"], ["location"]
    )


def _fulfillments() -> None:
    _flag("fulfillments")
    ready = sa.Column("ready_for_pickup_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("fulfillments", ready)
    op.create_unique_constraint(
        op.f("uq_fulfillments_is_pickup_fulfillment_id"),
        "fulfillments",
        ["is_pickup", "fulfillment_id"],
    )
    op.drop_constraint(op.f("ck_fulfillments_state_known"), "fulfillments")
    _check("fulfillments", "state_known", f"state IN ({STATES})")
    _check(
        "fulfillments",
        "ready_only_for_pickup",
        "is_pickup OR (state <> 'ready_for_pickup' AND ready_for_pickup_at IS NULL)",
    )


def _labels() -> None:
    _flag("labels")
    _check("labels", "none_for_pickup", "NOT is_pickup")
    op.create_foreign_key(
        op.f("fk_labels_is_pickup_fulfillment_id"),
        "labels",
        "fulfillments",
        ["is_pickup", "fulfillment_id"],
        ["is_pickup", "fulfillment_id"],
    )


def _flag(table: str) -> None:
    flag: sa.Column[bool] = sa.Column(
        "is_pickup", sa.Boolean(), server_default=sa.text("false"), nullable=False
    )
    op.add_column(table, flag)


def _check(table: str, rule: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{rule}"), table, condition)
