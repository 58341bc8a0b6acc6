"""Merchants' webhooks; every message of the outbox has a lane and may die."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITING = sa.text("delivered_at IS NULL AND dead_at IS NULL")
LANE = (
    "CASE kind WHEN 'webhook' THEN 'webhook:' || subscription_id "
    "WHEN 'channel_fulfillment' THEN 'channel:' || coalesce(payload ->> 'channel', '') "
    "ELSE kind END"
)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    now = sa.text("now()")
    op.create_table(
        "webhook_subscriptions",
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.Column("deleted_at", moment, nullable=True),
        sa.CheckConstraint("url ~ '^https?://'", name=op.f("ck_webhook_subscriptions_url_is_http")),
        sa.CheckConstraint(
            "cardinality(events) > 0", name=op.f("ck_webhook_subscriptions_asks_for_something")
        ),
        sa.CheckConstraint(
            "NOT '*' = ANY (events) OR cardinality(events) = 1",
            name=op.f("ck_webhook_subscriptions_every_event_stands_alone"),
        ),
        sa.CheckConstraint(
            "deleted_at IS NULL OR NOT enabled",
            name=op.f("ck_webhook_subscriptions_deleted_is_disabled"),
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_webhook_subscriptions")),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("secret_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.Column("expires_at", moment, nullable=True),
        sa.CheckConstraint(
            "secret LIKE 'whsec\\_%'", name=op.f("ck_webhook_secrets_secret_is_one")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["webhook_subscriptions.subscription_id"],
            name=op.f("fk_webhook_secrets_subscription_id"),
        ),
        sa.PrimaryKeyConstraint("secret_id", name=op.f("pk_webhook_secrets")),
        sa.UniqueConstraint("secret", name=op.f("uq_webhook_secrets_secret")),
    )
    op.create_index("ix_webhook_secrets_subscription", "webhook_secrets", ["subscription_id"])
    op.create_index(
        "uq_webhook_secrets_current",
        "webhook_secrets",
        ["subscription_id"],
        unique=True,
        postgresql_where=sa.text("expires_at IS NULL"),
    )
    op.create_index("ix_order_events_at", "order_events", ["at"], postgresql_using="brin")
    _widen_the_outbox()
    # An order's event is an insert into the outbox even when nobody subscribed: only rows wake.
    op.execute("DROP TRIGGER outbox_wakes ON outbox")
    op.execute(
        "CREATE TRIGGER outbox_wakes AFTER INSERT ON outbox "
        "FOR EACH ROW EXECUTE FUNCTION wake_loop()"
    )


def _widen_the_outbox() -> None:
    op.add_column("outbox", sa.Column("subscription_id", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True))
    lane = sa.Column("lane", sa.Text(), sa.Computed(LANE, persisted=True), nullable=False)
    op.add_column("outbox", lane)
    op.drop_constraint("ck_outbox_kind_known", "outbox")
    op.create_check_constraint(
        op.f("ck_outbox_kind_known"),
        "outbox",
        "kind IN ('email', 'channel_fulfillment', 'webhook')",
    )
    op.create_check_constraint(
        op.f("ck_outbox_webhook_tells_an_event"),
        "outbox",
        "(kind = 'webhook') = (subscription_id IS NOT NULL) AND "
        "(kind = 'webhook') = (sequence IS NOT NULL) AND "
        "(kind <> 'webhook' OR order_id IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("ck_outbox_one_end"), "outbox", "delivered_at IS NULL OR dead_at IS NULL"
    )
    op.create_check_constraint(
        op.f("ck_outbox_dead_has_its_reason"), "outbox", "dead_at IS NULL OR last_error IS NOT NULL"
    )
    op.create_foreign_key(
        op.f("fk_outbox_subscription_id"),
        "outbox",
        "webhook_subscriptions",
        ["subscription_id"],
        ["subscription_id"],
    )
    op.create_foreign_key(
        op.f("fk_outbox_event"),
        "outbox",
        "order_events",
        ["order_id", "sequence"],
        ["order_id", "sequence"],
    )
    op.drop_index("ix_outbox_waiting", "outbox")
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["lane", "next_attempt_at", "outbox_id"],
        postgresql_where=WAITING,
    )
    op.create_index(
        "ix_outbox_sequence",
        "outbox",
        ["subscription_id", "order_id", "sequence"],
        postgresql_where=WAITING,
    )
    op.create_index(
        "ix_outbox_dead",
        "outbox",
        ["dead_at", "outbox_id"],
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
