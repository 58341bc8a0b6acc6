"""Returns: the authorization, its items, what became of their units, the money given for them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import (
    ORDER,
    at,
    check,
    flag,
    identity,
    integer,
    metadata,
    now_at,
    one_of,
    text,
)

RMA = "returns.rma"

return_policies = sa.Table(
    "return_policies",
    metadata,
    sa.Column("channel", sa.Text, sa.ForeignKey("channels.channel"), primary_key=True),
    sa.Column("rules", JSONB, nullable=False),
)

returns = sa.Table(
    "returns",
    metadata,
    sa.Column("rma", sa.Text, primary_key=True),
    text("order_id", sa.ForeignKey(ORDER)),
    integer("number"),
    text("source"),
    text("resolution"),  # what the customer gets for the goods
    text("method"),  # how the goods come back; keep: not at all
    flag("advance", default=False),  # the exchange ships before the goods are back
    text("location", sa.ForeignKey("locations.location"), null=True),  # where they go
    text("state"),
    text("outcome", null=True),
    text("review_reason", null=True),
    flag("arrival_over", default=False),  # nothing more is waited for
    text("tracking_status", null=True),
    text("drop_off_code", null=True),
    text("payment_reference", null=True),  # what an exchange may be charged to
    integer("security_tender", null=True),  # held until an advance exchange's goods are back
    integer("goods_minor", default=0),
    integer("freight_minor", default=0),
    integer("fee_minor", default=0),
    integer("return_freight_minor", default=0),
    integer("refund_minor", default=0),
    integer("credit_minor", default=0),  # bonus included
    integer("exchange_minor", default=0),  # what the goods paid of an exchange
    text("credit_code", sa.ForeignKey("store_credits.code"), null=True),
    text("next_step", null=True),
    at("next_deadline"),
    now_at("requested_at"),
    at("approved_at"),
    at("received_at"),
    at("inspected_at"),
    at("settled_at"),
    at("closed_at"),
    sa.UniqueConstraint("order_id", "number"),
    sa.UniqueConstraint("credit_code"),
    one_of("source", "customer", "staff", "channel"),
    one_of("resolution", "refund", "store_credit", "exchange", "replacement"),
    one_of("method", "label", "drop_off", "keep"),
    one_of("state", "requested", "approved", "received", "inspected", "settled", "closed"),
    one_of(
        "outcome", "refused", "cancelled", "never_arrived", "rejected", "refunded", "credited",
        "exchanged", "replaced",
    ),
    check("closed_has_outcome", "(state = 'closed') = (outcome IS NOT NULL)"),
    check("closed_at_its_end", "(state = 'closed') = (closed_at IS NOT NULL)"),
    check(
        "open_has_next_step",
        "state = 'closed' OR (next_step IS NOT NULL AND next_deadline IS NOT NULL)",
    ),
    check(
        "money_not_negative",
        "least(goods_minor, fee_minor, return_freight_minor, refund_minor, credit_minor, "
        "exchange_minor) >= 0",
    ),
    sa.Index("ix_returns_listed", "requested_at", "rma"),
    sa.Index(
        "ix_returns_open", "next_deadline", postgresql_where=sa.text("state <> 'closed'")
    ),
)  # fmt: skip

return_items = sa.Table(
    "return_items",
    metadata,
    text("rma", sa.ForeignKey(RMA)),
    integer("item_no"),
    # No key on the parcel itself: its row is locked by whoever hands it over, after the order's.
    text("fulfillment_id"),
    integer("line_no"),
    text("sku", sa.ForeignKey("products.sku")),
    integer("requested"),
    integer("received", default=0),
    integer("extra", default=0),  # came beyond what was announced
    integer("accepted", default=0),
    integer("rejected", default=0),
    text("reason"),
    text("condition"),
    sa.Column("photos", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.PrimaryKeyConstraint("rma", "item_no"),
    sa.ForeignKeyConstraint(
        ["fulfillment_id", "line_no"],
        ["fulfillment_lines.fulfillment_id", "fulfillment_lines.line_no"],
    ),
    check("requested_positive", "requested > 0"),
    check("received_as_requested", "received >= 0 AND received <= requested AND extra >= 0"),
    check(
        "units_conserved", "accepted >= 0 AND rejected >= 0 AND accepted + rejected <= requested"
    ),
)

# What became of units that were looked at; an accepted one may be scrapped, a rejected one kept.
return_dispositions = sa.Table(
    "return_dispositions",
    metadata,
    text("rma"),
    integer("item_no"),
    text("disposition"),
    flag("accepted", default=True),
    integer("quantity"),
    text("location", sa.ForeignKey("locations.location")),
    sa.PrimaryKeyConstraint("rma", "item_no", "disposition", "accepted"),
    sa.ForeignKeyConstraint(["rma", "item_no"], ["return_items.rma", "return_items.item_no"]),
    one_of("disposition", "restock", "refurbish", "return_to_vendor", "scrap", "quarantine"),
    check("quantity_positive", "quantity > 0"),
)

return_refunds = sa.Table(
    "return_refunds",
    metadata,
    text("rma", sa.ForeignKey(RMA)),
    integer("refund_no"),
    text("authorization_key", sa.ForeignKey("authorizations.authorization_key")),
    integer("tender_no"),
    integer("amount_minor"),
    text("intent_key", sa.ForeignKey("payment_intents.key"), null=True),
    at("made_at"),
    at("given_up_at"),  # a person skipped it
    sa.PrimaryKeyConstraint("rma", "refund_no"),
    check("amount_positive", "amount_minor > 0"),
    check("ended_once", "made_at IS NULL OR given_up_at IS NULL"),
    sa.Index("ix_return_refunds_authorization", "authorization_key"),
)

# What is sent instead: lines of their own, numbered above any order's.
exchange_lines = sa.Table(
    "exchange_lines",
    metadata,
    text("rma", sa.ForeignKey(RMA)),
    integer("line_no"),
    text("sku", sa.ForeignKey("products.sku")),
    integer("quantity"),
    integer("total_minor"),
    sa.PrimaryKeyConstraint("rma", "line_no"),
    check("quantity_positive", "quantity > 0"),
    check("total_not_negative", "total_minor >= 0"),
)

# Goods that came back and belong to no return that we know: a person finds out whose they are.
unmatched_goods = sa.Table(
    "unmatched_goods",
    metadata,
    identity("goods_id"),
    text("location", sa.ForeignKey("locations.location")),
    text("sku", sa.ForeignKey("products.sku"), null=True),
    integer("quantity"),
    text("rma", sa.ForeignKey(RMA), null=True),  # in whose parcel they were
    text("kind"),
    text("state"),
    text("resolution", null=True),
    text("resolved_by", null=True),
    now_at("received_at"),
    at("resolved_at"),
    one_of("kind", "extra", "wrong_item", "unknown"),
    one_of("state", "open", "resolved"),
    one_of("resolution", "restock", "scrap", "sent_back", "quarantine"),
    check("quantity_positive", "quantity > 0"),
    check(
        "resolved_once",
        "(state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL "
        "AND resolved_by IS NOT NULL)",
    ),
    sa.Index("uq_unmatched_goods_of_a_return", "rma", "kind", "sku", unique=True,
             postgresql_where=sa.text("rma IS NOT NULL")),
)  # fmt: skip
