"""Returns, exchanges and claims; goods that came back and belong to none of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "return_policies",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channels.channel"], name=op.f("fk_return_policies_channel")
        ),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_return_policies")),
    )
    op.create_table(
        "returns",
        sa.Column("rma", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("advance", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("review_reason", sa.Text(), nullable=True),
        sa.Column("arrival_over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tracking_status", sa.Text(), nullable=True),
        sa.Column("drop_off_code", sa.Text(), nullable=True),
        sa.Column("payment_reference", sa.Text(), nullable=True),
        sa.Column("security_tender", sa.BigInteger(), nullable=True),
        sa.Column("goods_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("freight_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("return_freight_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("exchange_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("next_deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)",
            name=op.f("ck_returns_closed_at_its_end"),
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (outcome IS NOT NULL)", name=op.f("ck_returns_closed_has_outcome")
        ),
        sa.CheckConstraint(
            "method IN ('label', 'drop_off', 'keep')", name=op.f("ck_returns_method_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('refused', 'cancelled', 'never_arrived', 'rejected', 'refunded', 'credited', 'exchanged', 'replaced')",
            name=op.f("ck_returns_outcome_known"),
        ),
        sa.CheckConstraint(
            "resolution IN ('refund', 'store_credit', 'exchange', 'replacement')",
            name=op.f("ck_returns_resolution_known"),
        ),
        sa.CheckConstraint(
            "source IN ('customer', 'staff', 'channel')", name=op.f("ck_returns_source_known")
        ),
        sa.CheckConstraint(
            "state = 'closed' OR (next_step IS NOT NULL AND next_deadline IS NOT NULL)",
            name=op.f("ck_returns_open_has_next_step"),
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'received', 'inspected', 'settled', 'closed')",
            name=op.f("ck_returns_state_known"),
        ),
        sa.CheckConstraint(
            "least(goods_minor, fee_minor, return_freight_minor, refund_minor, credit_minor, exchange_minor) >= 0",
            name=op.f("ck_returns_money_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["credit_code"], ["store_credits.code"], name=op.f("fk_returns_credit_code")
        ),
        sa.ForeignKeyConstraint(
            ["location"], ["locations.location"], name=op.f("fk_returns_location")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_returns_order_id")
        ),
        sa.PrimaryKeyConstraint("rma", name=op.f("pk_returns")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_returns_credit_code")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_returns_order_id_number")),
    )
    op.create_index("ix_returns_listed", "returns", ["requested_at", "rma"], unique=False)
    op.create_index(
        "ix_returns_open",
        "returns",
        ["next_deadline"],
        unique=False,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_table(
        "exchange_lines",
        sa.Column("rma", sa.Text(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_exchange_lines_quantity_positive")),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_exchange_lines_total_not_negative")),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_exchange_lines_rma")),
        sa.ForeignKeyConstraint(["sku"], ["products.sku"], name=op.f("fk_exchange_lines_sku")),
        sa.PrimaryKeyConstraint("rma", "line_no", name=op.f("pk_exchange_lines")),
    )
    op.create_table(
        "unmatched_goods",
        sa.Column("goods_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("rma", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL AND resolution IS NOT NULL AND resolved_by IS NOT NULL)",
            name=op.f("ck_unmatched_goods_resolved_once"),
        ),
        sa.CheckConstraint(
            "kind IN ('extra', 'wrong_item', 'unknown')", name=op.f("ck_unmatched_goods_kind_known")
        ),
        sa.CheckConstraint(
            "resolution IN ('restock', 'scrap', 'sent_back', 'quarantine')",
            name=op.f("ck_unmatched_goods_resolution_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'resolved')", name=op.f("ck_unmatched_goods_state_known")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_unmatched_goods_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["location"], ["locations.location"], name=op.f("fk_unmatched_goods_location")
        ),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_unmatched_goods_rma")),
        sa.ForeignKeyConstraint(["sku"], ["products.sku"], name=op.f("fk_unmatched_goods_sku")),
        sa.PrimaryKeyConstraint("goods_id", name=op.f("pk_unmatched_goods")),
    )
    op.create_index(
        "uq_unmatched_goods_of_a_return",
        "unmatched_goods",
        ["rma", "kind", "sku"],
        unique=True,
        postgresql_where=sa.text("rma IS NOT NULL"),
    )
    op.create_table(
        "return_items",
        sa.Column("rma", sa.Text(), nullable=False),
        sa.Column("item_no", sa.BigInteger(), nullable=False),
        sa.Column("fulfillment_id", sa.Text(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("extra", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("photos", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "accepted >= 0 AND rejected >= 0 AND accepted + rejected <= requested",
            name=op.f("ck_return_items_units_conserved"),
        ),
        sa.CheckConstraint(
            "received >= 0 AND received <= requested AND extra >= 0",
            name=op.f("ck_return_items_received_as_requested"),
        ),
        sa.CheckConstraint("requested > 0", name=op.f("ck_return_items_requested_positive")),
        sa.ForeignKeyConstraint(
            ["fulfillment_id", "line_no"],
            ["fulfillment_lines.fulfillment_id", "fulfillment_lines.line_no"],
            name=op.f("fk_return_items_fulfillment_id_line_no"),
        ),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_return_items_rma")),
        sa.ForeignKeyConstraint(["sku"], ["products.sku"], name=op.f("fk_return_items_sku")),
        sa.PrimaryKeyConstraint("rma", "item_no", name=op.f("pk_return_items")),
    )
    op.create_table(
        "return_dispositions",
        sa.Column("rma", sa.Text(), nullable=False),
        sa.Column("item_no", sa.BigInteger(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "disposition IN ('restock', 'refurbish', 'return_to_vendor', 'scrap', 'quarantine')",
            name=op.f("ck_return_dispositions_disposition_known"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_return_dispositions_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["location"], ["locations.location"], name=op.f("fk_return_dispositions_location")
        ),
        sa.ForeignKeyConstraint(
            ["rma", "item_no"],
            ["return_items.rma", "return_items.item_no"],
            name=op.f("fk_return_dispositions_rma_item_no"),
        ),
        sa.PrimaryKeyConstraint(
            "rma", "item_no", "disposition", "accepted", name=op.f("pk_return_dispositions")
        ),
    )
    op.create_table(
        "return_refunds",
        sa.Column("rma", sa.Text(), nullable=False),
        sa.Column("refund_no", sa.BigInteger(), nullable=False),
        sa.Column("authorization_key", sa.Text(), nullable=False),
        sa.Column("tender_no", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("intent_key", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_return_refunds_amount_positive")),
        sa.CheckConstraint(
            "made_at IS NULL OR given_up_at IS NULL", name=op.f("ck_return_refunds_ended_once")
        ),
        sa.ForeignKeyConstraint(
            ["authorization_key"],
            ["authorizations.authorization_key"],
            name=op.f("fk_return_refunds_authorization_key"),
        ),
        sa.ForeignKeyConstraint(
            ["intent_key"], ["payment_intents.key"], name=op.f("fk_return_refunds_intent_key")
        ),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_return_refunds_rma")),
        sa.PrimaryKeyConstraint("rma", "refund_no", name=op.f("pk_return_refunds")),
    )
    op.create_index(
        "ix_return_refunds_authorization", "return_refunds", ["authorization_key"], unique=False
    )
    op.add_column(
        "fulfillment_lines",
        sa.Column("in_return", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.add_column(
        "fulfillment_lines",
        sa.Column("returned", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.add_column("fulfillments", sa.Column("rma", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_fulfillments_rma"), "fulfillments", "returns", ["rma"], ["rma"])
    op.add_column("labels", sa.Column("rma", sa.Text(), nullable=True))
    op.alter_column("labels", "fulfillment_id", existing_type=sa.TEXT(), nullable=True)
    op.create_index(
        "uq_labels_one_unvoided_return",
        "labels",
        ["rma"],
        unique=True,
        postgresql_where=sa.text("rma IS NOT NULL AND state <> 'voided'"),
    )
    op.create_foreign_key(op.f("fk_labels_rma"), "labels", "returns", ["rma"], ["rma"])
    op.add_column("products", sa.Column("category", sa.Text(), nullable=True))
    op.add_column("tenders", sa.Column("rma", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_tenders_rma"), "tenders", "returns", ["rma"], ["rma"])
    op.create_check_constraint(
        op.f("ck_fulfillment_lines_returned_within_shipped"),
        "fulfillment_lines",
        "in_return >= 0 AND returned >= 0 AND in_return + returned <= quantity",
    )
    op.create_check_constraint(
        op.f("ck_labels_of_one_parcel"), "labels", "num_nonnulls(fulfillment_id, rma) = 1"
    )
    _permit("inbox", "kind", "'order', 'webhook', 'return'")
    _permit(
        "stock_movements",
        "kind",
        "'receive', 'adjust', 'reserve', 'release', 'expire', 'allocate', 'deallocate', 'ship', "
        "'restock', 'short'",
    )


def _permit(table: str, column: str, values: str) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({values})")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
