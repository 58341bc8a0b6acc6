"""What is sold, where it lies and who sells it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import at, check, flag, integer, metadata, now_at, one_of, text

# `version` rises with every change: who changes something says which one he saw.
pools = sa.Table(
    "pools",
    metadata,
    sa.Column("pool", sa.Text, primary_key=True),
    text("name", null=True),
    integer("version", default=1),
)

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
    flag("ships", default=True),
    flag("receives_returns", default=True),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
    sa.Column("opening", JSONB, nullable=True),  # by weekday, in its time zone; None: always
    sa.Column("holidays", ARRAY(sa.Date), nullable=False, server_default="{}"),
    text("cut_off", null=True),  # what comes later is tomorrow's work
    integer("version", default=1),
    sa.UniqueConstraint("location", "pool"),
    check("capabilities_known", "capabilities <@ ARRAY['pickup']"),
    check("cut_off_is_a_time", "cut_off ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'"),
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
    flag("active", default=True),
    integer("version", default=1),
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
    # GTINs; one belongs to one product, which whoever writes sees to under the catalogue's lock.
    sa.Column("barcodes", ARRAY(sa.Text), nullable=False, server_default="{}"),
    text("hs_code", null=True),
    text("origin", null=True),  # the country it was made in
    flag("active", default=True),
    integer("version", default=1),
    check("hs_code_digits", "hs_code ~ '^[0-9]{6}([0-9]{2}){0,2}$'"),
    check("origin_is_a_country", "origin ~ '^[A-Z]{2}$'"),
    sa.Index("ix_products_barcodes", "barcodes", postgresql_using="gin"),
    check("measures", "weight_g > 0 AND length_mm > 0 AND width_mm > 0 AND height_mm > 0"),
)

# What a carrier knows us by. Secrets are the vendor's credentials, sealed elsewhere.
carrier_accounts = sa.Table(
    "carrier_accounts",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    text("vendor"),  # through whom its labels are bought
    text("carrier"),
    text("reference"),  # the vendor's id of it
    text("credential"),  # by its name
    sa.Column("services", ARRAY(sa.Text), nullable=False, server_default="{}"),  # none: all
    flag("active", default=True),
    integer("version", default=1),
    one_of("vendor", "easypost"),
    sa.UniqueConstraint("vendor", "reference"),
)

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("import_id", sa.Text, primary_key=True),
    text("kind"),
    text("format"),
    sa.Column("columns", ARRAY(sa.Text), nullable=False, server_default="{}"),  # of a CSV file
    text("delimiter", null=True),  # of its cells
    text("state"),  # refused: nothing of it was taken; failed: it broke off
    flag("all_or_nothing", default=False),
    text("actor"),
    text("detail", null=True),
    integer("created", default=0),
    integer("updated", default=0),
    integer("unchanged", default=0),
    integer("rejected", default=0),
    now_at("started_at"),
    at("ended_at"),
    one_of("kind", "products", "locations", "stock"),
    one_of("format", "csv", "jsonl"),
    one_of("state", "running", "done", "refused", "failed"),
    check("ended_once", "(state = 'running') = (ended_at IS NULL)"),
    check("refused_says_why", "(state IN ('refused', 'failed')) = (detail IS NOT NULL)"),
    sa.Index("ix_imports_started", "started_at", "import_id"),
)

import_rejects = sa.Table(
    "import_rejects",
    metadata,
    text("import_id", sa.ForeignKey("imports.import_id", ondelete="CASCADE")),
    integer("row"),  # as numbered in the file
    sa.Column("faults", JSONB, nullable=False),
    sa.Column("entry", JSONB, nullable=False),  # as it was sent
    sa.PrimaryKeyConstraint("import_id", "row"),
)
