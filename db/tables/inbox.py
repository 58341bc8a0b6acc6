"""What came in, before anything is done about it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from db.tables.columns import at, check, identity, integer, metadata, now_at, one_of, text

inbox = sa.Table(
    "inbox",
    metadata,
    identity("inbox_id"),
    text("source"),  # a channel's code, or a vendor: stripe, easypost, shopify
    text("kind"),
    text("external_id"),
    text("content_sha256"),
    sa.Column("document", JSONB, nullable=False),
    text("state"),
    text("note", null=True),
    integer("attempts", default=0),
    now_at("received_at"),
    now_at("next_attempt_at"),
    at("handled_at"),
    sa.UniqueConstraint("source", "kind", "external_id"),
    one_of("kind", "order", "webhook", "return"),
    one_of("state", "new", "handled", "rejected"),
    sa.Index("ix_inbox_waiting", "next_attempt_at", postgresql_where=sa.text("state = 'new'")),
)

# Words of vendors and callers: anybody's name may be in them, so that Temporal only learns that
# there are some. The subject is an order, an exception or a workflow.
remarks = sa.Table(
    "remarks",
    metadata,
    text("subject"),
    text("about"),
    text("said_by"),
    text("text"),
    now_at("said_at"),
    sa.PrimaryKeyConstraint("subject", "about"),
)

mail_opt_outs = sa.Table(
    "mail_opt_outs",
    metadata,
    text("channel", sa.ForeignKey("channels.channel")),
    text("email"),
    now_at("since"),
    sa.PrimaryKeyConstraint("channel", "email"),
    check("email_in_lower_case", "email = lower(email)"),
)

channel_cursors = sa.Table(
    "channel_cursors",
    metadata,
    text("channel", sa.ForeignKey("channels.channel")),
    text("updated_since", null=True),
    now_at("synced_at"),
    sa.PrimaryKeyConstraint("channel"),
)
