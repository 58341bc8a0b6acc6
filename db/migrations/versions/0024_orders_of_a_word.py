"""The orders of a word are a list, newest first, from which a search reads its page."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The channel is none of an order's words any more: it has its own list, by date as a word's.
WORDS_NOW = """
CREATE OR REPLACE VIEW order_words_now AS
SELECT o.order_id, o.placed_at, ARRAY(
    SELECT unnest(search_words_of(concat_ws(' ', o.customer_name, o.ship_to ->> 'name', o.ship_to ->> 'city')))
    UNION SELECT left(search_fold(o.customer_email), 320)
    UNION SELECT left(search_fold(l.sku), 100) FROM order_lines l WHERE l.order_id = o.order_id
    UNION SELECT unnest(search_words_of(l.sku)) FROM order_lines l
      WHERE l.order_id = o.order_id AND l.sku ~ '[[:space:]#@]'
    ORDER BY 1) AS words
FROM orders o
"""
WITHOUT_CHANNEL = """
UPDATE order_search s SET words = array_remove(s.words, '@' || o.channel) FROM orders o
WHERE o.order_id = s.order_id
"""
CALLED_LIKE_A_CHANNEL = """
SELECT refresh_order_search(order_id) FROM order_lines WHERE sku LIKE '@%' GROUP BY order_id
"""
FILL = """
INSERT INTO word_orders (placed_at, word, order_id)
  SELECT placed_at, word, order_id FROM order_search, unnest(words) AS w(word)
  ORDER BY placed_at, order_id
"""
# Orders that lose the same word at once wait for each other: the last of them sees that it is.
KEEP_WORDS = """
CREATE OR REPLACE FUNCTION keep_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gained text[] := NEW.words;
  lost text[] := '{}';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    gained := ARRAY(SELECT unnest(NEW.words) EXCEPT SELECT unnest(OLD.words));
    lost := ARRAY(SELECT unnest(OLD.words) EXCEPT SELECT unnest(NEW.words));
  END IF;
  INSERT INTO word_orders (placed_at, word, order_id)
    SELECT NEW.placed_at, w.word, NEW.order_id FROM unnest(gained) AS w(word);
  INSERT INTO search_words (word, forms)
    SELECT w.word, search_forms(w.word) FROM unnest(NEW.words) AS w(word)
    WHERE strpos(w.word, '@') = 0 AND NOT EXISTS (SELECT FROM search_words k WHERE k.word = w.word)
    ORDER BY w.word
  ON CONFLICT DO NOTHING;
  IF lost <> '{}' THEN
    DELETE FROM word_orders l
    WHERE l.word = ANY (lost) AND l.placed_at = NEW.placed_at AND l.order_id = NEW.order_id;
    PERFORM FROM search_words k WHERE k.word = ANY (lost) ORDER BY k.word FOR UPDATE;
    DELETE FROM search_words k
    WHERE k.word = ANY (lost) AND NOT EXISTS (SELECT FROM word_orders l WHERE l.word = k.word);
  END IF;
  RETURN NULL;
END $$
"""
# A list is read without its rows as long as vacuum has seen them; the newest are read most.
SEEN_SOON = "ALTER TABLE word_orders SET (autovacuum_vacuum_insert_scale_factor = 0.01)"
COMMON = "ALTER TABLE word_orders ALTER COLUMN word SET STATISTICS 500"
NO_LONGER = "ALTER TABLE order_search ALTER COLUMN words SET STATISTICS 0"


def upgrade() -> None:
    # Whoever places an order meanwhile would not be among the rows that are filled in.
    op.execute("LOCK TABLE order_search IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "word_orders",
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
    )
    op.drop_index("ix_order_search_words", table_name="order_search")
    op.drop_index("ix_order_search_placed", table_name="order_search")
    op.execute("ALTER TABLE order_search DISABLE TRIGGER order_search_words")
    for statement in (WORDS_NOW, WITHOUT_CHANNEL, CALLED_LIKE_A_CHANNEL):
        op.execute(statement)
    op.execute("ALTER TABLE order_search ENABLE TRIGGER order_search_words")
    op.execute(FILL)
    op.create_primary_key(op.f("pk_word_orders"), "word_orders", ["word", "placed_at", "order_id"])
    op.execute(KEEP_WORDS)
    for statement in (SEEN_SOON, COMMON, NO_LONGER, "ANALYZE word_orders"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
