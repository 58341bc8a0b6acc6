"""SKUs with blanks and signs are found as they are typed; no word outlives its last order."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# A typed text is cut at blanks, loses a `#` in front, and means an address where it has an `@`.
WORDS_NOW = """
CREATE OR REPLACE VIEW order_words_now AS
SELECT o.order_id, o.placed_at, ARRAY(
    SELECT unnest(search_words_of(concat_ws(' ', o.customer_name, o.ship_to ->> 'name', o.ship_to ->> 'city')))
    UNION SELECT left(search_fold(o.customer_email), 320)
    UNION SELECT left(search_fold(l.sku), 100) FROM order_lines l WHERE l.order_id = o.order_id
    UNION SELECT unnest(search_words_of(l.sku)) FROM order_lines l
      WHERE l.order_id = o.order_id AND l.sku ~ '[[:space:]#@]'
    UNION SELECT '@' || o.channel
    ORDER BY 1) AS words
FROM orders o
"""
# Orders that lose the same word at once wait for each other: the last of them sees that it is.
KEEP_WORDS = """
CREATE OR REPLACE FUNCTION keep_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO search_words (word, forms)
    SELECT w.word, search_forms(w.word) FROM unnest(NEW.words) AS w(word)
    WHERE strpos(w.word, '@') = 0 AND NOT EXISTS (SELECT FROM search_words k WHERE k.word = w.word)
    ORDER BY w.word
  ON CONFLICT DO NOTHING;
  IF TG_OP = 'UPDATE' THEN
    PERFORM FROM search_words k
      WHERE k.word = ANY (OLD.words) AND k.word <> ALL (NEW.words) ORDER BY k.word FOR UPDATE;
    DELETE FROM search_words k
    WHERE k.word = ANY (OLD.words) AND k.word <> ALL (NEW.words)
      AND NOT EXISTS (SELECT FROM order_search s WHERE s.words @> ARRAY[k.word]);
  END IF;
  RETURN NULL;
END $$
"""
# What a parcel holds changes what is shown of its order only when it has left.
CHANGED_BY_LINE = """
CREATE OR REPLACE FUNCTION order_states_changed_by_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refresh_order_states_once(order_id) FROM fulfillments
    WHERE fulfillment_id = NEW.fulfillment_id AND handed_over_at IS NOT NULL;
  RETURN NULL;
END $$
"""
REFRESHED = """
SELECT refresh_order_search(order_id) FROM order_lines WHERE sku ~ '[[:space:]#@]' GROUP BY order_id
"""


def upgrade() -> None:
    for statement in (WORDS_NOW, KEEP_WORDS, CHANGED_BY_LINE, REFRESHED):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
