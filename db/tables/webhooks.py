"""Merchants' subscriptions to their orders' events, and the secrets that sign the news."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.tables.columns import at, check, flag, identity, metadata, now_at, text

SUBSCRIPTION = "webhook_subscriptions.subscription_id"

webhook_subscriptions = sa.Table(
    "webhook_subscriptions",
    metadata,
    sa.Column("subscription_id", sa.Text, primary_key=True),
    text("url"),
    sa.Column("events", ARRAY(sa.Text), nullable=False),  # {*} is every event
    flag("enabled", default=True),
    now_at("created_at"),
    at("deleted_at"),  # what it was told stays
    check("url_is_http", "url ~ '^https?://'"),
    check("asks_for_something", "cardinality(events) > 0"),
    check("every_event_stands_alone", "NOT '*' = ANY (events) OR cardinality(events) = 1"),
    check("deleted_is_disabled", "deleted_at IS NULL OR NOT enabled"),
)

webhook_secrets = sa.Table(
    "webhook_secrets",
    metadata,
    identity("secret_id"),
    text("subscription_id", sa.ForeignKey(SUBSCRIPTION)),
    text("secret"),
    now_at("created_at"),
    at("expires_at"),  # set when another took its place
    sa.UniqueConstraint("secret"),
    check("secret_is_one", "secret LIKE 'whsec\\_%'"),
    sa.Index(
        "uq_webhook_secrets_current",
        "subscription_id",
        unique=True,
        postgresql_where=sa.text("expires_at IS NULL"),
    ),
    sa.Index("ix_webhook_secrets_subscription", "subscription_id"),
)
