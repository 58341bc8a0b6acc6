"""What is sold, where it lies and who sells it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import check, flag, integer, metadata, one_of, text

pools = sa.Table("pools", metadata, sa.Column("pool", sa.Text, primary_key=True))

locations = sa.Table(
    "locations",
    metadata,
    sa.Column("location", sa.Text, primary_key=True),
    text("pool", sa.ForeignKey("pools.pool")),
    text("name"),
    sa.Column("address", JSONB, nullable=False),
    flag("active", default=True),
    sa.UniqueConstraint("location", "pool"),
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
    one_of("kind", "api", "shopify"),
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
    text("category", null=True),
    check("measures", "weight_g > 0 AND length_mm > 0 AND width_mm > 0 AND height_mm > 0"),
)
