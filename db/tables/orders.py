"""The order, its lines and charges, its story, its holds on stock."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import ORDER, at, check, flag, integer, metadata, now_at, one_of, text

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    text("channel", sa.ForeignKey("channels.channel")),
    text("external_id"),
    integer("version", default=0),
    integer("priority", default=0),  # a higher one is served first when stock comes in
    text("currency"),
    text("locale"),
    integer("total_minor"),
    text("customer_name"),
    text("customer_email"),
    text("customer_phone", null=True),
    sa.Column("ship_to", JSONB, nullable=False),
    flag("address_verified", default=False),
    text("pickup_location", sa.ForeignKey("locations.location"), null=True),  # None: it is sent
    text("outcome", null=True),
    text("outcome_reason", null=True),
    text("next_step", null=True),
    at("next_deadline"),
    at("placed_at", null=False),
    now_at("admitted_at"),
    at("promise_from"),
    at("promise_by"),
    at("closed_at"),
    sa.UniqueConstraint("channel", "external_id"),
    one_of(
        "outcome", "delivered", "cancelled", "rejected_input", "refused_address", "refused_stock",
        "refused_payment", "expired_payment", "lost",
    ),
    check("closed_has_outcome", "(outcome IS NULL) = (closed_at IS NULL)"),
    check(
        "open_has_next_step",
        "outcome IS NOT NULL OR (next_step IS NOT NULL AND next_deadline IS NOT NULL)",
    ),
    check("total_not_negative", "total_minor >= 0"),
    sa.Index("ix_orders_placed", "placed_at", "order_id"),
    # None of these holds what changes with every step of an order: such a change costs no index.
    sa.Index(
        "ix_orders_open", "placed_at", "order_id", postgresql_where=sa.text("outcome IS NULL")
    ),
    sa.Index("ix_orders_channel", "channel", "placed_at", "order_id"),
    sa.Index(
        "ix_orders_outcome", "outcome", "placed_at", "order_id",
        postgresql_where=sa.text("outcome IS NOT NULL AND outcome <> 'delivered'"),
    ),
    sa.Index("ix_orders_total", "currency", "total_minor", "order_id"),
    sa.Index(
        "ix_orders_email", sa.literal_column("lower(customer_email)").label("email"),
        postgresql_ops={"email": "text_pattern_ops"},
    ),
)  # fmt: skip

order_lines = sa.Table(
    "order_lines",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("line_no"),
    text("sku", sa.ForeignKey("products.sku")),
    integer("quantity"),
    integer("unit_price_minor"),
    integer("tax_minor", default=0),
    integer("discount_minor", default=0),
    integer("cancelled", default=0),
    integer("shipped", default=0),
    text("external_line_id", null=True),
    sa.PrimaryKeyConstraint("order_id", "line_no"),
    check("quantity_positive", "quantity > 0"),
    check("units_conserved", "cancelled >= 0 AND shipped >= 0 AND cancelled + shipped <= quantity"),
    check("money_not_negative", "unit_price_minor >= 0 AND tax_minor >= 0 AND discount_minor >= 0"),
)

order_charges = sa.Table(
    "order_charges",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("charge_no"),
    text("kind"),
    integer("amount_minor"),
    sa.PrimaryKeyConstraint("order_id", "charge_no"),
    one_of("kind", "shipping", "tax", "financing", "discount", "other"),
)

order_events = sa.Table(
    "order_events",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("sequence"),
    text("event"),
    text("actor"),
    text("fulfillment_id", null=True),
    sa.Column("data", JSONB, nullable=False, server_default="{}"),
    now_at("at"),
    sa.PrimaryKeyConstraint("order_id", "sequence"),
    # Rows come in the order of time: a few pages answer "since when", at next to no cost a row.
    sa.Index("ix_order_events_at", "at", postgresql_using="brin"),
)

reservations = sa.Table(
    "reservations",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("attempt"),  # a reservation that expired before routing may be made once more
    text("sku", sa.ForeignKey("products.sku")),
    text("pool", sa.ForeignKey("pools.pool")),
    integer("quantity"),
    text("state"),
    at("expires_at", null=False),
    at("ended_at"),
    sa.PrimaryKeyConstraint("order_id", "attempt", "sku"),
    one_of("state", "held", "allocated", "released", "expired"),
    check("quantity_positive", "quantity > 0"),
    check("ended_once", "(state = 'held') = (ended_at IS NULL)"),
    sa.Index("ix_reservations_expiry", "expires_at", postgresql_where=sa.text("state = 'held'")),
)
