"""What is sold, where it lies and who sells it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import at, check, flag, integer, metadata, one_of, text

pools = sa.Table("pools", metadata, sa.Column("pool", sa.Text, primary_key=True))

locations = sa.Table(
    "locations",
    metadata,
    sa.Column("location", sa.Text, primary_key=True),
    text("pool", sa.ForeignKey("pools.pool")),
    text("name"),
    sa.Column("address", JSONB, nullable=False),
    flag("active", default=True),
    # What it does besides shipping.
    sa.Column("capabilities", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.UniqueConstraint("location", "pool"),
    check("capabilities_known", "capabilities <@ ARRAY['pickup']"),
)

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    text("name"),
    text("kind"),
    text("pool", sa.ForeignKey("pools.pool")),
    sa.Column("currencies", ARRAY(sa.Text), nullable=False),
    integer("buffer", default=0),
    # What becomes of an order whose address cannot be delivered to.
    sa.Column("undeliverable", sa.Text, nullable=False, server_default="refuse"),
    sa.Column("fraud_policy", JSONB, nullable=True),  # without one its orders are not scored
    text("seller", sa.ForeignKey("sellers.seller"), null=True),  # None: no invoices
    # What becomes of units no location has; of parcels the carrier lost or broke.
    sa.Column("on_shortage", sa.Text, nullable=False, server_default="backorder"),
    sa.Column("on_loss", sa.Text, nullable=False, server_default="ask"),
    integer("decides_up_to_minor", default=0),  # a parcel of a higher value is a person's decision
    # What becomes of an order whose units are not all free.
    sa.Column("on_out_of_stock", sa.Text, nullable=False, server_default="refuse"),
    one_of("on_out_of_stock", "refuse", "backorder"),
    one_of("kind", "api", "shopify"),
    one_of("undeliverable", "refuse", "hold"),
    one_of("on_shortage", "backorder", "cancel"),
    one_of("on_loss", "ask", "reship", "refund"),
    check("decides_not_negative", "decides_up_to_minor >= 0"),
    check("code", "channel ~ '^[a-z0-9]{1,20}$'"),
    check("buffer_not_negative", "buffer >= 0"),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("sku", sa.Text, primary_key=True),
    text("name"),
    integer("weight_g"),
    integer("length_mm"),
    integer("width_mm"),
    integer("height_mm"),
    at("available_from"),  # sold before as a preorder
    text("category", null=True),
    check("measures", "weight_g > 0 AND length_mm > 0 AND width_mm > 0 AND height_mm > 0"),
)
