"""How a channel shows itself to its customers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import check, metadata, one_of, text

brands = sa.Table(
    "brands",
    metadata,
    sa.Column("channel", sa.Text, sa.ForeignKey("channels.channel"), primary_key=True),
    text("name", null=True),  # None: the channel's
    text("sender_name", null=True),
    text("sender", null=True),  # an e-mail address; None: the settings' one
    text("logo_url", null=True),
    text("logo_alt", null=True),
    text("support", null=True),  # an e-mail address
    sa.Column("legal_lines", ARRAY(sa.Text), nullable=False),
    text("language"),
    # accent, on_accent, surface and ink: each #rrggbb.
    sa.Column("colors", JSONB, nullable=False),
    one_of("language", "en", "es", "pt"),
    check("logo_is_fetched_safely", "logo_url ~ '^https://'"),
)
