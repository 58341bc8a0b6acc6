"""What orders are found by, kept by triggers at the end of each transaction; saved views."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Needs no extension, and knows every script: pg_trgm sees letters only where the database's
# locale does, and the locale of the one-machine stack knows those of ASCII.
FOLD = r"""
CREATE FUNCTION search_fold(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT translate(replace(replace(replace(
      lower(regexp_replace(normalize(given, NFKD), '[\u0300-\u036f\u0027\u2019\u0060\u00b4]', '', 'g')),
      'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'øłđðþı', 'olddti')
$$
"""
# Cut at white space and punctuation; a word is cut short where nobody types on.
WORDS = r"""
CREATE FUNCTION search_words_of(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(DISTINCT left(word, 60)), '{}')
  FROM regexp_split_to_table(search_fold(given),
    '[\s\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u3003\ufffd]+') AS word
  WHERE word <> ''
$$
"""
# A word and what is left of it without one of its letters. Short words and numbers have none: a
# letter or digit more or less makes others of them.
FORMS = r"""
CREATE FUNCTION search_forms(word text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN length(word) < 4 OR word ~ '[0-9@]' THEN '{}' ELSE ARRAY(
    SELECT word UNION SELECT left(word, n - 1) || substr(word, n + 1)
    FROM generate_series(1, length(word)) AS n) END
$$
"""
# The channel is among them, as nobody types it: a common word in a small channel is then found by
# the one index.
WORDS_NOW = """
CREATE VIEW order_words_now AS
SELECT o.order_id, o.placed_at, ARRAY(
    SELECT unnest(search_words_of(concat_ws(' ', o.customer_name, o.ship_to ->> 'name', o.ship_to ->> 'city')))
    UNION SELECT left(search_fold(o.customer_email), 320)
    UNION SELECT left(search_fold(l.sku), 100) FROM order_lines l WHERE l.order_id = o.order_id
    UNION SELECT '@' || o.channel
    ORDER BY 1) AS words
FROM orders o
"""
# As domain/axes.py derives them, and as the list of orders says what they wait for.
STATES_NOW = """
CREATE VIEW order_states_now AS
SELECT o.order_id, o.placed_at,
  CASE
    WHEN m.captured > 0 THEN CASE
      WHEN m.refunded >= m.captured THEN 'refunded'
      WHEN m.refunded > 0 THEN 'partly_refunded'
      WHEN m.captured >= o.total_minor
        OR (o.outcome IS NOT NULL AND m.captured = m.authorized AND m.pending = 0) THEN 'paid'
      ELSE 'partly_paid' END
    WHEN o.total_minor = 0 THEN 'not_due'
    WHEN m.pending > 0 THEN 'awaiting_payment'
    WHEN m.authorized >= o.total_minor THEN 'authorized'
    WHEN m.authorized > 0 THEN 'partly_authorized'
    WHEN m.given_up > 0 THEN 'voided'
    ELSE 'unpaid' END AS payment,
  CASE
    WHEN p.parcels = 0 THEN CASE
      WHEN o.outcome IS NOT NULL OR u.cancelled >= u.ordered AND u.ordered > 0 THEN 'cancelled'
      ELSE 'unfulfilled' END
    WHEN p.delivered = p.parcels THEN 'delivered'
    WHEN p.delivered > 0 THEN 'partly_delivered'
    WHEN p.lost = p.parcels THEN 'lost'
    WHEN p.gone = p.parcels THEN 'shipped'
    WHEN p.gone > 0 THEN 'partly_shipped'
    WHEN p.begun > 0 THEN 'in_progress'
    ELSE 'unfulfilled' END AS fulfillment,
  CASE
    WHEN r.returned >= r.shipped AND r.returned > 0 THEN 'returned'
    WHEN r.returned > 0 THEN 'partly_returned'
    WHEN r.in_return > 0 THEN 'requested'
    WHEN p.came_back THEN 'returned_to_sender'
    ELSE 'none' END AS returned,
  n.deadline AS next_deadline
FROM orders o
CROSS JOIN LATERAL (
  SELECT
    coalesce(sum(amount_minor) FILTER (WHERE state IN ('held', 'taken')), 0) AS authorized,
    coalesce(sum(amount_minor) FILTER (WHERE state = 'pending'), 0) AS pending,
    coalesce(sum(amount_minor) FILTER (WHERE state IN ('voided', 'expired')), 0) AS given_up,
    coalesce(sum(captured_minor), 0) AS captured, coalesce(sum(refunded_minor), 0) AS refunded
  FROM authorizations a WHERE a.order_id = o.order_id
) AS m
CROSS JOIN LATERAL (
  SELECT coalesce(sum(quantity), 0) AS ordered, coalesce(sum(cancelled), 0) AS cancelled
  FROM order_lines l WHERE l.order_id = o.order_id
) AS u
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE state <> 'cancelled') AS parcels,
    count(*) FILTER (WHERE state = 'delivered') AS delivered,
    count(*) FILTER (WHERE state = 'lost') AS lost,
    count(*) FILTER (WHERE state IN ('handed_over', 'delivered', 'lost')) AS gone,
    count(*) FILTER (WHERE state NOT IN ('backordered', 'open', 'cancelled')) AS begun,
    coalesce(bool_or(tracking_status = 'return_to_sender'), false) AS came_back
  FROM fulfillments f WHERE f.order_id = o.order_id AND f.rma IS NULL
) AS p
CROSS JOIN LATERAL (
  SELECT coalesce(sum(l.quantity), 0) AS shipped, coalesce(sum(l.in_return), 0) AS in_return,
    coalesce(sum(l.returned), 0) AS returned
  FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
  WHERE f.order_id = o.order_id AND f.handed_over_at IS NOT NULL
) AS r
CROSS JOIN LATERAL (
  SELECT coalesce(bool_or(fulfillment_id IS NULL), false) AS asks, min(deadline) AS deadline,
    array_agg(fulfillment_id) FILTER (WHERE fulfillment_id IS NOT NULL) AS parcels
  FROM exceptions e WHERE e.order_id = o.order_id AND e.state = 'open'
) AS x
CROSS JOIN LATERAL (
  SELECT least(
    x.deadline,
    CASE WHEN o.outcome IS NULL AND NOT x.asks THEN o.next_deadline END,
    (SELECT min(h.deadline) FROM holds h
      WHERE h.order_id = o.order_id AND h.state = 'open' AND NOT x.asks),
    (SELECT min(f.next_deadline) FROM fulfillments f
      WHERE f.order_id = o.order_id AND f.next_step IS NOT NULL AND f.ended_at IS NULL
        AND NOT f.fulfillment_id = ANY (coalesce(x.parcels, '{}')))) AS deadline
) AS n
"""
# The row is locked before it is derived: whoever changes another part of the same order meanwhile
# waits here, and then sees what we did.
REFRESH = (
    """
CREATE FUNCTION refresh_order_search(changed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM order_search WHERE order_id = changed FOR NO KEY UPDATE;
  INSERT INTO order_search AS s (order_id, placed_at, words)
    SELECT order_id, placed_at, words FROM order_words_now WHERE order_id = changed
  ON CONFLICT (order_id) DO UPDATE SET words = excluded.words
    WHERE s.words IS DISTINCT FROM excluded.words;
END $$
""",
    """
CREATE FUNCTION refresh_order_states(changed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM order_states WHERE order_id = changed FOR NO KEY UPDATE;
  INSERT INTO order_states AS s (order_id, placed_at, payment, fulfillment, returned, next_deadline)
    SELECT order_id, placed_at, payment, fulfillment, returned, next_deadline
    FROM order_states_now WHERE order_id = changed
  ON CONFLICT (order_id) DO UPDATE SET payment = excluded.payment,
    fulfillment = excluded.fulfillment, returned = excluded.returned,
    next_deadline = excluded.next_deadline
    WHERE (s.payment, s.fulfillment, s.returned, s.next_deadline) IS DISTINCT FROM
      (excluded.payment, excluded.fulfillment, excluded.returned, excluded.next_deadline);
END $$
""",
    """
CREATE FUNCTION order_search_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refresh_order_search(NEW.order_id);
  RETURN NULL;
END $$
""",
    # An order's first lines are there when its own row is written at the end.
    """
CREATE FUNCTION order_line_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM order_search
      WHERE order_id = NEW.order_id AND left(search_fold(NEW.sku), 100) = ANY (words)) THEN
    PERFORM refresh_order_search(NEW.order_id);
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION order_states_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refresh_order_states(NEW.order_id);
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION order_states_changed_by_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refresh_order_states(order_id) FROM fulfillments WHERE fulfillment_id = NEW.fulfillment_id;
  RETURN NULL;
END $$
""",
    # A word that no order has any more goes: it may have been a customer's name. Of an order
    # that is placed with it in the same moment, it is missing until another one brings it.
    """
CREATE FUNCTION keep_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO search_words (word, forms)
    SELECT w.word, search_forms(w.word) FROM unnest(NEW.words) AS w(word)
    WHERE strpos(w.word, '@') = 0 AND NOT EXISTS (SELECT FROM search_words k WHERE k.word = w.word)
    ORDER BY w.word
  ON CONFLICT DO NOTHING;
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM search_words k
    WHERE k.word = ANY (OLD.words) AND k.word <> ALL (NEW.words)
      AND NOT EXISTS (SELECT FROM order_search s WHERE s.words @> ARRAY[k.word]);
  END IF;
  RETURN NULL;
END $$
""",
)
# Table, event, condition, function: at the end of the transaction, when all parts are written.
TRIGGERS: tuple[tuple[str, str, str, str], ...] = (
    ("orders_search", "INSERT ON orders", "", "order_search_changed"),
    (
        "orders_search_renamed",
        "UPDATE OF customer_name, customer_email, ship_to ON orders",
        (
            "WHEN ((OLD.customer_name, OLD.customer_email, OLD.ship_to)"
            " IS DISTINCT FROM (NEW.customer_name, NEW.customer_email, NEW.ship_to))"
        ),
        "order_search_changed",
    ),
    ("order_lines_search", "INSERT ON order_lines", "", "order_line_added"),
    ("orders_states", "INSERT ON orders", "", "order_states_changed"),
    (
        "orders_states_moved",
        "UPDATE OF total_minor, outcome, next_deadline ON orders",
        (
            "WHEN ((OLD.total_minor, OLD.outcome, OLD.next_deadline)"
            " IS DISTINCT FROM (NEW.total_minor, NEW.outcome, NEW.next_deadline))"
        ),
        "order_states_changed",
    ),
    (
        "order_lines_states",
        "INSERT ON order_lines",
        "WHEN (NEW.cancelled > 0)",
        "order_states_changed",
    ),
    (
        "order_lines_states_moved",
        "UPDATE OF quantity, cancelled ON order_lines",
        "WHEN ((OLD.quantity, OLD.cancelled) IS DISTINCT FROM (NEW.quantity, NEW.cancelled))",
        "order_states_changed",
    ),
    ("authorizations_states", "INSERT ON authorizations", "", "order_states_changed"),
    (
        "authorizations_states_moved",
        "UPDATE OF amount_minor, state, captured_minor, refunded_minor ON authorizations",
        (
            "WHEN ((OLD.amount_minor, OLD.state, OLD.captured_minor, OLD.refunded_minor)"
            " IS DISTINCT FROM (NEW.amount_minor, NEW.state, NEW.captured_minor, NEW.refunded_minor))"
        ),
        "order_states_changed",
    ),
    ("fulfillments_states", "INSERT ON fulfillments", "", "order_states_changed"),
    (
        "fulfillments_states_moved",
        "UPDATE OF state, tracking_status, next_step, next_deadline, handed_over_at, ended_at ON fulfillments",
        (
            "WHEN ((OLD.state, OLD.tracking_status, OLD.next_step IS NULL, OLD.next_deadline, OLD.handed_over_at, OLD.ended_at)"
            " IS DISTINCT FROM"
            " (NEW.state, NEW.tracking_status, NEW.next_step IS NULL, NEW.next_deadline, NEW.handed_over_at, NEW.ended_at))"
        ),
        "order_states_changed",
    ),
    (
        "fulfillment_lines_states",
        "UPDATE OF quantity, in_return, returned ON fulfillment_lines",
        "WHEN ((OLD.quantity, OLD.in_return, OLD.returned) IS DISTINCT FROM (NEW.quantity, NEW.in_return, NEW.returned))",
        "order_states_changed_by_line",
    ),
    # Rows of a parcel that left: as a rule there are none before it does.
    (
        "fulfillment_lines_states_added",
        "INSERT ON fulfillment_lines",
        "",
        "order_states_changed_by_line",
    ),
    ("exceptions_states", "INSERT ON exceptions", "", "order_states_changed"),
    (
        "exceptions_states_moved",
        "UPDATE OF state, deadline ON exceptions",
        "WHEN ((OLD.state, OLD.deadline) IS DISTINCT FROM (NEW.state, NEW.deadline))",
        "order_states_changed",
    ),
    ("holds_states", "INSERT ON holds", "", "order_states_changed"),
    (
        "holds_states_moved",
        "UPDATE OF state, deadline ON holds",
        "WHEN ((OLD.state, OLD.deadline) IS DISTINCT FROM (NEW.state, NEW.deadline))",
        "order_states_changed",
    ),
)
AXES = {
    "payment": "'not_due', 'unpaid', 'awaiting_payment', 'partly_authorized', 'authorized',"
    " 'partly_paid', 'paid', 'partly_refunded', 'refunded', 'voided'",
    "fulfillment": "'unfulfilled', 'in_progress', 'partly_shipped', 'shipped', 'partly_delivered',"
    " 'delivered', 'lost', 'cancelled'",
    "returned": "'none', 'requested', 'partly_returned', 'returned', 'returned_to_sender'",
}


# Whoever writes meanwhile would not be among the rows that are filled in, and has no trigger yet.
WRITTEN_BESIDE = "orders, order_lines, authorizations, fulfillments, fulfillment_lines, exceptions, holds, labels"


def upgrade() -> None:
    op.execute(f"LOCK TABLE {WRITTEN_BESIDE} IN ACCESS EXCLUSIVE MODE")
    for function in (FOLD, WORDS, FORMS):
        op.execute(function)
    _create_tables()
    for statement in (WORDS_NOW, STATES_NOW, *REFRESH):
        op.execute(statement)
    _fill()
    _index()
    for name, event, condition, function in TRIGGERS:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {name} AFTER {event} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW {condition} EXECUTE FUNCTION {function}()"
        )
    op.execute(
        "CREATE TRIGGER order_search_words AFTER INSERT OR UPDATE OF words ON order_search"
        " FOR EACH ROW EXECUTE FUNCTION keep_search_words()"
    )


def _create_tables() -> None:
    order = sa.ForeignKeyConstraint(
        ["order_id"], ["orders.order_id"], name=op.f("fk_order_search_order_id")
    )
    op.create_table(
        "order_search",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", postgresql.ARRAY(sa.Text()), nullable=False),
        order,
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_search")),
    )
    op.create_table(
        "search_words",
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.Column("forms", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_words")),
    )
    op.create_table(
        "order_states",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(axis, sa.Text(), nullable=False) for axis in AXES),
        sa.Column("next_deadline", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.CheckConstraint(f"{axis} IN ({words})", name=op.f(f"ck_order_states_{axis}_known"))
            for axis, words in AXES.items()
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_order_states_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_states")),
    )
    op.create_table(
        "saved_views",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column(
            "saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]{0,59}$'", name=op.f("ck_saved_views_name")),
        sa.CheckConstraint(
            "jsonb_typeof(query) = 'object'", name=op.f("ck_saved_views_query_is_an_object")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_saved_views")),
    )


def _fill() -> None:
    op.execute("INSERT INTO order_search SELECT order_id, placed_at, words FROM order_words_now")
    op.execute(
        "INSERT INTO search_words SELECT word, search_forms(word) FROM"
        " (SELECT DISTINCT unnest(words) AS word FROM order_search) w WHERE strpos(word, '@') = 0"
    )
    op.execute(
        "INSERT INTO order_states SELECT order_id, placed_at, payment, fulfillment, returned,"
        " next_deadline FROM order_states_now"
    )


def _index() -> None:
    op.create_index("ix_order_search_placed", "order_search", ["placed_at", "order_id"])
    op.create_index(
        "ix_order_search_words", "order_search", ["words"],
        postgresql_using="gin", postgresql_with={"fastupdate": "off"},
    )  # fmt: skip
    op.create_index("ix_search_words_forms", "search_words", ["forms"], postgresql_using="gin")
    for axis in AXES:
        rare = sa.text("returned <> 'none'") if axis == "returned" else None
        columns = [axis, "placed_at", "order_id"]
        op.create_index(f"ix_order_states_{axis}", "order_states", columns, postgresql_where=rare)
    op.create_index(
        "ix_order_states_deadline", "order_states", ["next_deadline", "order_id"],
        postgresql_where=sa.text("next_deadline IS NOT NULL"),
    )  # fmt: skip
    op.drop_index("ix_orders_open", table_name="orders")
    for name, columns, where in (
        ("open", ["placed_at", "order_id"], "outcome IS NULL"),
        ("channel", ["channel", "placed_at", "order_id"], None),
        (
            "outcome",
            ["outcome", "placed_at", "order_id"],
            "outcome IS NOT NULL AND outcome <> 'delivered'",
        ),
        ("total", ["currency", "total_minor", "order_id"], None),
    ):
        op.create_index(
            f"ix_orders_{name}",
            "orders",
            columns,
            postgresql_where=None if where is None else sa.text(where),
        )
    op.create_index(
        "ix_orders_email", "orders", [sa.literal_column("lower(customer_email)").label("email")],
        postgresql_ops={"email": "text_pattern_ops"},
    )  # fmt: skip
    op.create_index(
        "ix_labels_tracking", "labels", [sa.text("upper(tracking_number)")],
        postgresql_where=sa.text("tracking_number IS NOT NULL"),
    )  # fmt: skip
    # Which words are common decides how a search is run; room in a page makes a change cheap.
    op.execute("ALTER TABLE order_search ALTER COLUMN words SET STATISTICS 1000")
    op.execute("ALTER TABLE order_states SET (fillfactor = 80)")
    op.execute("ALTER TABLE orders SET (fillfactor = 80)")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
