"""What orders are found by: their words, their axes and next deadline; and views that were saved.

Triggers write the first three at the end of every transaction that changes an order or a part of
it: the views `order_words_now` and `order_states_now` say what their rows must be.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.tables.columns import ORDER, at, check, integer, metadata, now_at, one_of, text
from domain.axes import FulfillmentAxis, PaymentAxis, ReturnAxis

# A row changes when an address, a line or a customer does: seldom, so what follows it is cheap.
order_search = sa.Table(
    "order_search",
    metadata,
    sa.Column("order_id", sa.Text, sa.ForeignKey(ORDER), primary_key=True),
    at("placed_at", null=False),
    sa.Column("words", ARRAY(sa.Text), nullable=False),
)

# The same the other way round, kept by a trigger: of each word its orders by date. A page is read
# from the end of such a list, and lists met with each other, or with those of the states, in step.
word_orders = sa.Table(
    "word_orders",
    metadata,
    at("placed_at", null=False),
    sa.Column("word", sa.Text(collation="C"), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("word", "placed_at", "order_id"),
)

# Every word of any order but e-mail addresses: where beginnings and misspellings are looked up.
# A form is the word with one letter left out: two words that share one differ by a slip of the pen.
search_words = sa.Table(
    "search_words",
    metadata,
    sa.Column("word", sa.Text(collation="C"), primary_key=True),
    sa.Column("forms", ARRAY(sa.Text), nullable=False),
    sa.Index("ix_search_words_forms", "forms", postgresql_using="gin"),
)

# Apart from the words, because it changes with every step.
order_states = sa.Table(
    "order_states",
    metadata,
    sa.Column("order_id", sa.Text, sa.ForeignKey(ORDER), primary_key=True),
    at("placed_at", null=False),
    text("payment"),
    text("fulfillment"),
    text("returned"),
    at("next_deadline"),
    one_of("payment", *PaymentAxis),
    one_of("fulfillment", *FulfillmentAxis),
    one_of("returned", *ReturnAxis),
    sa.Index("ix_order_states_payment", "payment", "placed_at", "order_id"),
    sa.Index("ix_order_states_fulfillment", "fulfillment", "placed_at", "order_id"),
    # Few orders come back: a walk by date meets the others at once.
    sa.Index(
        "ix_order_states_returned", "returned", "placed_at", "order_id",
        postgresql_where=sa.text("returned <> 'none'"),
    ),
    sa.Index(
        "ix_order_states_deadline", "next_deadline", "order_id",
        postgresql_where=sa.text("next_deadline IS NOT NULL"),
    ),
)  # fmt: skip

saved_views = sa.Table(
    "saved_views",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("query", JSONB, nullable=False),
    integer("version", default=1),
    text("saved_by"),
    now_at("saved_at"),
    check("name", "name ~ '^[a-z0-9][a-z0-9_-]{0,59}$'"),
    check("query_is_an_object", "jsonb_typeof(query) = 'object'"),
)
