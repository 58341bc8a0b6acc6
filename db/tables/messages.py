"""People and telling others: exceptions, outbox, keys, audit."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import ORDER, at, check, identity, integer, metadata, now_at, one_of, text

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

outbox = sa.Table(
    "outbox",
    metadata,
    identity("outbox_id"),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    text("kind"),
    text("order_id", null=True),
    sa.Column("payload", JSONB, nullable=False),
    integer("attempts", default=0),
    text("last_error", null=True),
    now_at("created_at"),
    now_at("next_attempt_at"),
    at("delivered_at"),
    one_of("kind", "email", "channel_fulfillment"),
    sa.Index(
        "ix_outbox_waiting", "next_attempt_at", postgresql_where=sa.text("delivered_at IS NULL")
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
