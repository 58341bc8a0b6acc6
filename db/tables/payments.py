"""Money: tenders, intents written before each call, authorizations and the ledger of events."""

import sqlalchemy as sa

from db.tables.columns import ORDER, at, check, identity, integer, metadata, now_at, one_of, text

tenders = sa.Table(
    "tenders",
    metadata,
    text("order_id", sa.ForeignKey(ORDER)),
    integer("tender_no"),
    text("kind"),
    integer("amount_minor"),
    integer("lowered_minor", default=0),  # what it pays less, since prices were lowered
    text("currency"),
    text("reference"),
    text("rma", sa.ForeignKey("returns.rma"), null=True),  # pays for an exchange
    sa.PrimaryKeyConstraint("order_id", "tender_no"),
    one_of("kind", "card", "bank_slip", "debit", "store_credit", "manual"),
    check("amount_positive", "amount_minor > 0"),
    check("lowered_within_amount", "lowered_minor >= 0 AND lowered_minor < amount_minor"),
)

payment_intents = sa.Table(
    "payment_intents",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    text("order_id", sa.ForeignKey(ORDER)),
    integer("tender_no"),
    text("fulfillment_id", null=True),
    text("verb"),
    integer("amount_minor"),
    text("currency"),
    text("authorization_key", null=True),
    text("state"),
    text("code", null=True),
    now_at("begun_at"),
    at("ended_at"),
    sa.ForeignKeyConstraint(["order_id", "tender_no"], ["tenders.order_id", "tenders.tender_no"]),
    one_of("verb", "authorize", "charge", "slip", "capture", "void", "refund"),
    one_of("state", "begun", "done", "refused"),
    check("amount_positive", "amount_minor > 0"),
    check("ended_once", "(state = 'begun') = (ended_at IS NULL)"),
    sa.Index("ix_payment_intents_order", "order_id"),
)

authorizations = sa.Table(
    "authorizations",
    metadata,
    sa.Column("authorization_key", sa.Text, sa.ForeignKey("payment_intents.key"), primary_key=True),
    text("order_id", sa.ForeignKey(ORDER)),
    integer("tender_no"),
    text("vendor"),
    text("vendor_ref"),
    integer("amount_minor"),
    text("currency"),
    text("state"),  # pending: a slip that is not paid; held: a card; taken: money is ours
    integer("captured_minor", default=0),
    integer("refunded_minor", default=0),
    at("expires_at"),
    text("voucher_url", null=True),
    sa.ForeignKeyConstraint(["order_id", "tender_no"], ["tenders.order_id", "tenders.tender_no"]),
    sa.UniqueConstraint("vendor", "vendor_ref"),
    one_of("state", "pending", "held", "taken", "voided", "expired"),
    check("captured_within_authorized", "captured_minor >= 0 AND captured_minor <= amount_minor"),
    check("refunded_within_captured", "refunded_minor >= 0 AND refunded_minor <= captured_minor"),
    check("only_taken_is_captured", "(state = 'taken') = (captured_minor > 0)"),
    sa.Index("ix_authorizations_order", "order_id"),
)

payment_events = sa.Table(
    "payment_events",
    metadata,
    identity("payment_event_id"),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    text("order_id", sa.ForeignKey(ORDER)),
    integer("tender_no"),
    text("authorization_key", null=True),
    text("event"),
    integer("amount_minor"),
    text("currency"),
    now_at("at"),
    one_of(
        "event", "authorized", "slip_issued", "captured", "voided", "refunded", "declined",
        "slip_expired",
    ),
    sa.Index("ix_payment_events_order", "order_id"),
    # A card is captured once for each authorization.
    sa.Index(
        "uq_payment_events_capture", "authorization_key", unique=True,
        postgresql_where=sa.text("event = 'captured'"),
    ),
)  # fmt: skip

store_credits = sa.Table(
    "store_credits",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    text("currency"),
    integer("balance_minor"),
    check("balance_not_negative", "balance_minor >= 0"),
)
