"""Stock: two balances, and the ledger both derive from."""

import sqlalchemy as sa

from db.tables.columns import at, check, identity, integer, metadata, now_at, one_of, text

pool_levels = sa.Table(
    "pool_levels",
    metadata,
    text("pool", sa.ForeignKey("pools.pool")),
    text("sku", sa.ForeignKey("products.sku")),
    integer("on_hand", default=0),
    integer("reserved", default=0),  # allocated to a location, not yet shipped
    integer("open_demand", default=0),  # held by orders that are not routed yet
    integer("safety_stock", default=0),
    sa.PrimaryKeyConstraint("pool", "sku"),
    check("not_negative", "reserved >= 0 AND open_demand >= 0 AND safety_stock >= 0"),
    check("not_oversold", "on_hand >= reserved + open_demand"),
)

location_levels = sa.Table(
    "location_levels",
    metadata,
    text("location", sa.ForeignKey("locations.location")),
    text("sku", sa.ForeignKey("products.sku")),
    integer("on_hand", default=0),
    integer("reserved", default=0),
    sa.PrimaryKeyConstraint("location", "sku"),
    check("not_oversold", "reserved >= 0 AND on_hand >= reserved"),
    sa.Index("ix_location_levels_sku", "sku"),
)

stock_movements = sa.Table(
    "stock_movements",
    metadata,
    identity("movement_id"),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    text("kind"),
    text("sku", sa.ForeignKey("products.sku")),
    text("pool", sa.ForeignKey("pools.pool")),
    text("location", sa.ForeignKey("locations.location"), null=True),
    integer("on_hand_change", default=0),
    integer("reserved_change", default=0),
    integer("open_demand_change", default=0),
    integer("pool_on_hand"),  # the pool's balance after the movement
    integer("pool_reserved"),
    integer("pool_open_demand"),
    integer("location_on_hand", null=True),
    integer("location_reserved", null=True),
    text("order_id", null=True),
    text("fulfillment_id", null=True),
    text("cause"),
    now_at("at"),
    one_of(
        "kind",
        "receive",
        "adjust",
        "reserve",
        "release",
        "expire",
        "allocate",
        "deallocate",
        "ship",
        "short",
        "restock",
    ),
    sa.Index("ix_stock_movements_sku", "sku", "pool", "movement_id"),
    sa.Index("ix_stock_movements_order", "order_id"),
)

count_tasks = sa.Table(
    "count_tasks",
    metadata,
    identity("count_task_id"),
    text("location", sa.ForeignKey("locations.location")),
    text("sku", sa.ForeignKey("products.sku")),
    text("state"),
    text("reason"),
    text("fulfillment_id", null=True),  # whose short pick asked for it first
    integer("counted", null=True),
    text("counted_by", null=True),
    now_at("opened_at"),
    at("counted_at"),
    one_of("state", "open", "counted"),
    check("counted_once", "(state = 'open') = (counted_at IS NULL)"),
    check("counted_not_negative", "counted >= 0"),
    sa.Index(
        "uq_count_tasks_one_open", "location", "sku", unique=True,
        postgresql_where=sa.text("state = 'open'"),
    ),
)  # fmt: skip
