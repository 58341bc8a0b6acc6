"""Who sells by law, and the invoices and credit notes, numbered without gaps and never changed."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import FULFILLMENT, ORDER, at, check, integer, metadata, one_of, text

sellers = sa.Table(
    "sellers",
    metadata,
    sa.Column("seller", sa.Text, primary_key=True),
    text("legal_name"),
    sa.Column("address", JSONB, nullable=False),
    text("vat_id", null=True),
    text("tax_registration", null=True),  # where there is tax and no VAT id
    text("registration", null=True),  # of the company
    text("exemption", null=True),  # why nothing is taxed, where that is so
    sa.Column("legal_lines", ARRAY(sa.Text), nullable=False),
    text("invoice_series"),
    text("credit_note_series"),
    text("language"),
    text("time_zone"),  # in which the day of issue is told
    sa.UniqueConstraint("invoice_series"),
    sa.UniqueConstraint("credit_note_series"),
    one_of("language", "en", "es", "pt"),
    check("series_differ", "invoice_series <> credit_note_series"),
    check(
        "series_readable",
        "invoice_series ~ '^[A-Z0-9]{1,10}$' AND credit_note_series ~ '^[A-Z0-9]{1,10}$'",
    ),
)

# A trigger gives series, year, sequence, number and the moment of issue: whoever inserts cannot.
documents = sa.Table(
    "documents",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    text("kind"),
    text("seller", sa.ForeignKey("sellers.seller")),
    text("series"),
    integer("year"),
    integer("sequence"),
    text("order_id", sa.ForeignKey(ORDER)),
    text("fulfillment_id", sa.ForeignKey(FULFILLMENT)),
    text("corrects", sa.ForeignKey("documents.number"), null=True),
    text("currency"),
    integer("total_minor"),
    at("issued_at", null=False),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("buyer", JSONB, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.UniqueConstraint("series", "year", "sequence"),
    one_of("kind", "invoice", "credit_note"),
    check("credit_note_corrects", "(kind = 'credit_note') = (corrects IS NOT NULL)"),
    check("total_positive", "total_minor > 0"),
    sa.Index("ix_documents_order", "order_id"),
    sa.Index("ix_documents_corrects", "corrects"),
    sa.Index(
        "uq_documents_one_invoice",
        "fulfillment_id",
        unique=True,
        postgresql_where=sa.text("kind = 'invoice'"),
    ),
)
