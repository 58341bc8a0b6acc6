"""What one location ships: lines, allocations, shares of the money, labels, tracking."""

import sqlalchemy as sa

from db.tables.columns import (
    FULFILLMENT,
    ORDER,
    at,
    check,
    flag,
    integer,
    metadata,
    now_at,
    one_of,
    text,
)

fulfillments = sa.Table(
    "fulfillments",
    metadata,
    sa.Column("fulfillment_id", sa.Text, primary_key=True),
    text("order_id", sa.ForeignKey(ORDER)),
    integer("number"),
    text("location", sa.ForeignKey("locations.location")),
    text("rma", sa.ForeignKey("returns.rma"), null=True),  # of an exchange: the return it is for
    text("state"),
    flag("cancel_requested", default=False),  # decided against "handing_over" under the row's lock
    integer("share_minor"),
    text("tracking_status", null=True),
    text("next_step", null=True),
    at("next_deadline"),
    now_at("created_at"),
    at("picked_at"),
    at("packed_at"),
    at("handed_over_at"),
    at("delivered_at"),
    at("ended_at"),
    at("backordered_at"),
    at("filled_at"),  # when its units were found
    text("found_by", null=True),  # the sweep that found units for it
    # The lost or damaged parcel whose units are sent once more: they were counted with that one.
    text("replaces", sa.ForeignKey(FULFILLMENT), null=True),
    flag("is_pickup", default=False),  # collected in a store, without a carrier
    at("ready_for_pickup_at"),
    sa.UniqueConstraint("order_id", "number"),
    sa.UniqueConstraint("is_pickup", "fulfillment_id"),  # so that labels can refer to both
    one_of(
        "state",
        "backordered",
        "open",
        "picked",
        "packed",
        "ready_for_pickup",
        "handing_over",
        "handed_over",
        "delivered",
        "cancelled",
        "lost",
    ),
    check(
        "open_has_next_step",
        "ended_at IS NOT NULL OR (next_step IS NOT NULL AND next_deadline IS NOT NULL)",
    ),
    check(
        "ended_when_final", "(state IN ('delivered', 'cancelled', 'lost')) = (ended_at IS NOT NULL)"
    ),
    check("share_not_negative", "share_minor >= 0"),
    check(
        "backordered_has_no_units",
        "(state <> 'backordered' OR (backordered_at IS NOT NULL AND filled_at IS NULL))"
        " AND (backordered_at IS NULL OR filled_at IS NOT NULL"
        " OR state IN ('backordered', 'cancelled'))",
    ),
    check(
        "ready_only_for_pickup",
        "is_pickup OR (state <> 'ready_for_pickup' AND ready_for_pickup_at IS NULL)",
    ),
    sa.Index("ix_fulfillments_replaces", "replaces"),
    sa.Index("ix_fulfillments_found_by", "found_by"),
    sa.Index(
        "ix_fulfillments_backordered", "backordered_at", "fulfillment_id",
        postgresql_where=sa.text("state = 'backordered'"),
    ),
    sa.Index("ix_fulfillments_work", "location", "state", "created_at"),
    # By a column that never changes: the row's other changes leave the index alone.
    sa.Index("ix_fulfillments_open", "created_at", postgresql_where=sa.text("ended_at IS NULL")),
)  # fmt: skip

fulfillment_lines = sa.Table(
    "fulfillment_lines",
    metadata,
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT)),
    integer("line_no"),
    text("sku", sa.ForeignKey("products.sku")),
    integer("quantity"),
    integer("in_return", default=0),  # promised to come back
    integer("returned", default=0),  # a return has ended for them
    sa.PrimaryKeyConstraint("fulfillment_id", "line_no"),
    check("quantity_positive", "quantity > 0"),
    check(
        "returned_within_shipped",
        "in_return >= 0 AND returned >= 0 AND in_return + returned <= quantity",
    ),
)

allocations = sa.Table(
    "allocations",
    metadata,
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT)),
    text("sku", sa.ForeignKey("products.sku")),
    text("pool", sa.ForeignKey("pools.pool")),
    text("location", sa.ForeignKey("locations.location")),
    integer("quantity"),
    text("state"),
    at("ended_at"),
    sa.PrimaryKeyConstraint("fulfillment_id", "sku"),
    one_of("state", "allocated", "shipped", "released"),
    check("quantity_positive", "quantity > 0"),
    check("ended_once", "(state = 'allocated') = (ended_at IS NULL)"),
)

fulfillment_shares = sa.Table(
    "fulfillment_shares",
    metadata,
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT)),
    integer("tender_no"),
    integer("amount_minor"),
    text("authorization_key", sa.ForeignKey("authorizations.authorization_key"), null=True),
    sa.PrimaryKeyConstraint("fulfillment_id", "tender_no"),
    check("amount_positive", "amount_minor > 0"),
)

labels = sa.Table(
    "labels",
    metadata,
    sa.Column("label_key", sa.Text, primary_key=True),
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT), null=True),
    text("rma", sa.ForeignKey("returns.rma"), null=True),
    text("vendor"),
    text("state"),
    text("vendor_shipment_id", null=True),
    text("rate_id", null=True),
    text("carrier", null=True),
    text("service", null=True),
    text("tracking_number", null=True),
    text("tracker_id", null=True),
    text("label_url", null=True),
    integer("cost_minor", null=True),
    text("cost_currency", null=True),
    now_at("created_at"),
    at("buying_at"),  # when the vendor was last asked to sell it
    flag("is_pickup", default=False),  # of its parcel: what is collected has no label
    sa.ForeignKeyConstraint(
        ["is_pickup", "fulfillment_id"],
        ["fulfillments.is_pickup", "fulfillments.fulfillment_id"],
    ),
    check("none_for_pickup", "NOT is_pickup"),
    sa.UniqueConstraint("vendor", "vendor_shipment_id"),
    sa.UniqueConstraint("vendor", "tracking_number"),
    sa.UniqueConstraint("vendor", "tracker_id"),
    one_of("state", "begun", "created", "buying", "bought", "voided"),
    check("buying_since_when", "state <> 'buying' OR buying_at IS NOT NULL"),
    check("of_one_parcel", "num_nonnulls(fulfillment_id, rma) = 1"),
    check("bought_is_tracked", "state <> 'bought' OR tracking_number IS NOT NULL"),
    sa.Index(
        "ix_labels_tracking", sa.text("upper(tracking_number)"),
        postgresql_where=sa.text("tracking_number IS NOT NULL"),
    ),
    sa.Index(
        "uq_labels_one_unvoided", "fulfillment_id", unique=True,
        postgresql_where=sa.text("state <> 'voided'"),
    ),
    sa.Index(
        "uq_labels_one_unvoided_return", "rma", unique=True,
        postgresql_where=sa.text("rma IS NOT NULL AND state <> 'voided'"),
    ),
)  # fmt: skip

tracking_events = sa.Table(
    "tracking_events",
    metadata,
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT)),
    text("event_id"),
    text("status"),
    text("description"),
    at("occurred_at", null=False),
    now_at("received_at"),
    sa.PrimaryKeyConstraint("fulfillment_id", "event_id"),
)

# Codes that were tried at a counter.
collection_tries = sa.Table(
    "collection_tries",
    metadata,
    sa.Column("fulfillment_id", sa.Text, sa.ForeignKey(FULFILLMENT), primary_key=True),
    integer("tries"),
    now_at("since"),
    check("tries_positive", "tries > 0"),
)

# What was done about a parcel in the carrier's hands, once each: the playbook's memory.
parcel_plays = sa.Table(
    "parcel_plays",
    metadata,
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT)),
    text("play"),
    now_at("at"),
    sa.PrimaryKeyConstraint("fulfillment_id", "play"),
)

carrier_claims = sa.Table(
    "carrier_claims",
    metadata,
    sa.Column("fulfillment_id", sa.Text, sa.ForeignKey(FULFILLMENT), primary_key=True),
    text("cause"),
    text("tracking_number"),
    integer("amount_minor"),
    text("currency"),
    now_at("filed_at"),
    sa.Column("state", sa.Text, nullable=False, server_default="open"),
    integer("settled_minor", null=True),
    text("ended_by", null=True),
    at("ended_at"),
    one_of("cause", "lost", "damaged", "no_first_scan"),
    check("amount_not_negative", "amount_minor >= 0"),
    one_of("state", "open", "settled", "refused"),
    check("ended_once", "(state = 'open') = (ended_at IS NULL)"),
    check("settled_with_an_amount", "(state = 'settled') = (settled_minor IS NOT NULL)"),
    check("settled_not_negative", "settled_minor >= 0"),
)
