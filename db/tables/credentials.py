"""Vendors' credentials, sealed: the database never sees a key that opens them."""

import sqlalchemy as sa

from db.tables.columns import metadata, now_at, text

vendor_credentials = sa.Table(
    "vendor_credentials",
    metadata,
    text("vendor"),
    text("name"),
    text("key_id"),
    sa.Column("box", sa.LargeBinary, nullable=False),
    now_at("set_at"),
    sa.PrimaryKeyConstraint("vendor", "name"),
)
