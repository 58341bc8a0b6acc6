"""Sellers by law; invoices and credit notes, numbered without gaps and never changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The number is the one after the last of its series, read under a lock that lasts as long as the
# transaction: another waits for it, and what is rolled back leaves no gap. Days never go back
# within a series, also when a clock does.
NUMBER_DOCUMENT = """
CREATE FUNCTION number_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  from_seller sellers;
  latest documents;
BEGIN
  SELECT * INTO STRICT from_seller FROM sellers WHERE seller = NEW.seller;
  NEW.series := CASE NEW.kind WHEN 'invoice' THEN from_seller.invoice_series
    ELSE from_seller.credit_note_series END;
  PERFORM pg_advisory_xact_lock(hashtext('document series'), hashtext(NEW.series));
  SELECT * INTO latest FROM documents WHERE series = NEW.series
    ORDER BY year DESC, sequence DESC LIMIT 1;
  IF latest.seller <> NEW.seller OR latest.kind <> NEW.kind THEN
    RAISE EXCEPTION 'the series % is in use by another', NEW.series USING ERRCODE = 'check_violation';
  END IF;
  NEW.issued_at := greatest(clock_timestamp(), latest.issued_at);
  NEW.issued_on := greatest((NEW.issued_at AT TIME ZONE from_seller.time_zone)::date, latest.issued_on);
  NEW.year := extract(year FROM NEW.issued_on);
  NEW.sequence := CASE WHEN latest.year = NEW.year THEN latest.sequence + 1 ELSE 1 END;
  NEW.number := concat_ws('-', NEW.series, NEW.year,
    lpad(NEW.sequence::text, greatest(6, length(NEW.sequence::text)), '0'));
  RETURN NEW;
END $$
"""
WITHIN_INVOICE = """
CREATE FUNCTION credit_within_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  invoice documents;
BEGIN
  SELECT * INTO STRICT invoice FROM documents WHERE number = NEW.corrects FOR UPDATE;
  IF invoice.kind <> 'invoice' OR invoice.currency <> NEW.currency
    OR invoice.order_id <> NEW.order_id OR NEW.total_minor > invoice.total_minor - (
      SELECT coalesce(sum(total_minor), 0) FROM documents WHERE corrects = NEW.corrects)
  THEN
    RAISE EXCEPTION '% credits what % did not bill', NEW.key, NEW.corrects
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
TRIGGERS = (
    ("documents_numbered", "BEFORE INSERT", "", "number_document"),
    # Triggers fire in the order of their names: this one first.
    (
        "documents_credit_within_invoice",
        "BEFORE INSERT",
        "WHEN (NEW.corrects IS NOT NULL)",
        "credit_within_invoice",
    ),
    ("documents_append_only", "BEFORE UPDATE OR DELETE", "", "refuse_change"),
)


def upgrade() -> None:
    op.create_table(
        "sellers",
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("address", postgresql.JSONB(), nullable=False),
        sa.Column("vat_id", sa.Text(), nullable=True),
        sa.Column("tax_registration", sa.Text(), nullable=True),
        sa.Column("registration", sa.Text(), nullable=True),
        sa.Column("exemption", sa.Text(), nullable=True),
        sa.Column("legal_lines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("invoice_series", sa.Text(), nullable=False),
        sa.Column("credit_note_series", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "language IN ('en', 'es', 'pt')", name=op.f("ck_sellers_language_known")
        ),
        sa.CheckConstraint(
            "invoice_series <> credit_note_series", name=op.f("ck_sellers_series_differ")
        ),
        sa.CheckConstraint(
            "invoice_series ~ '^[A-Z0-9]{1,10}$' AND credit_note_series ~ '^[A-Z0-9]{1,10}$'",
            name=op.f("ck_sellers_series_readable"),
        ),
        sa.PrimaryKeyConstraint("seller", name=op.f("pk_sellers")),
        sa.UniqueConstraint("invoice_series", name=op.f("uq_sellers_invoice_series")),
        sa.UniqueConstraint("credit_note_series", name=op.f("uq_sellers_credit_note_series")),
    )
    op.add_column("channels", sa.Column("seller", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_channels_seller"), "channels", "sellers", ["seller"], ["seller"])
    _create_documents()
    op.execute(NUMBER_DOCUMENT)
    op.execute(WITHIN_INVOICE)
    for name, moment, condition, function in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {name} {moment} ON documents FOR EACH ROW {condition} "
            f"EXECUTE FUNCTION {function}()"
        )
    op.drop_constraint(op.f("ck_outbox_kind_known"), "outbox", type_="check")
    op.create_check_constraint(
        op.f("ck_outbox_kind_known"),
        "outbox",
        "kind IN ('email', 'channel_fulfillment', 'webhook', 'document')",
    )


def _create_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("fulfillment_id", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("buyer", postgresql.JSONB(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('invoice', 'credit_note')", name=op.f("ck_documents_kind_known")
        ),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (corrects IS NOT NULL)",
            name=op.f("ck_documents_credit_note_corrects"),
        ),
        sa.CheckConstraint("total_minor > 0", name=op.f("ck_documents_total_positive")),
        sa.ForeignKeyConstraint(
            ["corrects"], ["documents.number"], name=op.f("fk_documents_corrects")
        ),
        sa.ForeignKeyConstraint(
            ["fulfillment_id"],
            ["fulfillments.fulfillment_id"],
            name=op.f("fk_documents_fulfillment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_documents_order_id")
        ),
        sa.ForeignKeyConstraint(["seller"], ["sellers.seller"], name=op.f("fk_documents_seller")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_documents")),
        sa.UniqueConstraint("key", name=op.f("uq_documents_key")),
        sa.UniqueConstraint(
            "series", "year", "sequence", name=op.f("uq_documents_series_year_sequence")
        ),
    )
    op.create_index("ix_documents_order", "documents", ["order_id"])
    op.create_index("ix_documents_corrects", "documents", ["corrects"])
    op.create_index(
        "uq_documents_one_invoice",
        "documents",
        ["fulfillment_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'invoice'"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
