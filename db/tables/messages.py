"""People and telling others: exceptions, outbox, keys, audit."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import ORDER, at, check, identity, integer, metadata, now_at, one_of, text
from db.tables.webhooks import SUBSCRIPTION

exceptions = sa.Table(
    "exceptions",
    metadata,
    sa.Column("exception_id", sa.Text, primary_key=True),
    text("workflow_id"),
    text("order_id", sa.ForeignKey(ORDER)),
    text("fulfillment_id", null=True),
    text("step"),
    text("reason"),
    text("detail"),
    text("owner"),
    at("deadline", null=False),
    at("escalated_at"),  # when its owner was last written to because it is overdue
    integer("escalations", default=0),
    sa.Column("resolutions", ARRAY(sa.Text), nullable=False),
    text("state"),
    text("resolution", null=True),
    text("resolved_by", null=True),
    text("note", null=True),
    now_at("opened_at"),
    at("resolved_at"),
    one_of("state", "open", "resolved"),
    check("resolved_once", "(state = 'open') = (resolved_at IS NULL)"),
    sa.Index("ix_exceptions_open", "deadline", postgresql_where=sa.text("state = 'open'")),
    sa.Index("ix_exceptions_order", "order_id"),
)

WAITING = sa.text("delivered_at IS NULL AND dead_at IS NULL")

outbox = sa.Table(
    "outbox",
    metadata,
    identity("outbox_id"),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    text("kind"),
    text("order_id", null=True),
    sa.Column("payload", JSONB, nullable=False),
    # A webhook's content is its order's event.
    text("subscription_id", sa.ForeignKey(SUBSCRIPTION), null=True),
    integer("sequence", null=True),
    # Messages of one lane go to one receiver; no lane waits for another.
    sa.Column(
        "lane",
        sa.Text,
        sa.Computed(
            "CASE kind WHEN 'webhook' THEN 'webhook:' || subscription_id "
            "WHEN 'channel_fulfillment' THEN 'channel:' || coalesce(payload ->> 'channel', '') "
            "ELSE kind END",
            persisted=True,
        ),
        nullable=False,
    ),
    integer("attempts", default=0),
    text("last_error", null=True),
    now_at("created_at"),
    now_at("next_attempt_at"),
    at("delivered_at"),
    at("dead_at"),  # given up; a person may replay it
    sa.ForeignKeyConstraint(
        ["order_id", "sequence"],
        ["order_events.order_id", "order_events.sequence"],
        name="fk_outbox_event",
    ),
    one_of("kind", "email", "channel_fulfillment", "webhook", "document"),
    check(
        "webhook_tells_an_event",
        "(kind = 'webhook') = (subscription_id IS NOT NULL) AND "
        "(kind = 'webhook') = (sequence IS NOT NULL) AND "
        "(kind <> 'webhook' OR order_id IS NOT NULL)",
    ),
    check("one_end", "delivered_at IS NULL OR dead_at IS NULL"),
    check("dead_has_its_reason", "dead_at IS NULL OR last_error IS NOT NULL"),
    sa.Index("ix_outbox_waiting", "lane", "next_attempt_at", "outbox_id", postgresql_where=WAITING),
    sa.Index(
        "ix_outbox_sequence", "subscription_id", "order_id", "sequence", postgresql_where=WAITING
    ),
    sa.Index(
        "ix_outbox_dead", "dead_at", "outbox_id", postgresql_where=sa.text("dead_at IS NOT NULL")
    ),
    sa.Index("ix_outbox_order", "order_id"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    text("name"),
    text("secret_sha256"),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    now_at("created_at"),
    at("revoked_at"),
    sa.UniqueConstraint("secret_sha256"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    text("key_id", sa.ForeignKey("api_keys.key_id")),
    text("idempotency_key"),
    text("request_sha256"),
    integer("status", null=True),
    sa.Column("body", JSONB, nullable=True),
    now_at("created_at"),
    sa.PrimaryKeyConstraint("key_id", "idempotency_key"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    identity("audit_id"),
    text("actor"),
    text("action"),
    text("subject"),
    text("reason", null=True),
    sa.Column("before", JSONB, nullable=False, server_default="{}"),
    sa.Column("after", JSONB, nullable=False, server_default="{}"),
    now_at("at"),
    check("named", "actor <> '' AND action <> '' AND subject <> ''"),
    # Each filter of the list, newest first.
    sa.Index("ix_audit_log_subject", "subject", "audit_id"),
    sa.Index("ix_audit_log_actor", "actor", "audit_id"),
    sa.Index("ix_audit_log_action", "action", "audit_id"),
)
