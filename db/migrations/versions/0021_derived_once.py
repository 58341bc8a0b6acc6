"""What the list of orders shows of an order is derived once a transaction, or of many together."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Deferred triggers of one transaction run one after the other at its end, behind its last change:
# whatever is derived first is right. The names of the done are kept until the transaction ends, and
# not more of them than are quickly looked through.
ONCE = """
CREATE FUNCTION refresh_order_states_once(changed text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE done text := coalesce(current_setting('oms.derived', true), '');
BEGIN
  IF strpos(done, ' ' || changed || ' ') > 0 THEN
    RETURN;
  END IF;
  PERFORM refresh_order_states(changed);
  PERFORM set_config('oms.derived',
    CASE WHEN length(done) < 8000 THEN done ELSE '' END || ' ' || changed || ' ', true);
END $$
"""
# By who changed the deadlines of many orders, as its last statement.
TOGETHER = """
CREATE FUNCTION refresh_order_states_of(changed text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM order_states WHERE order_id = ANY (changed) ORDER BY order_id FOR NO KEY UPDATE;
  INSERT INTO order_states AS s (order_id, placed_at, payment, fulfillment, returned, next_deadline)
    SELECT order_id, placed_at, payment, fulfillment, returned, next_deadline
    FROM order_states_now WHERE order_id = ANY (changed)
  ON CONFLICT (order_id) DO UPDATE SET payment = excluded.payment,
    fulfillment = excluded.fulfillment, returned = excluded.returned,
    next_deadline = excluded.next_deadline
    WHERE (s.payment, s.fulfillment, s.returned, s.next_deadline) IS DISTINCT FROM
      (excluded.payment, excluded.fulfillment, excluded.returned, excluded.next_deadline);
  PERFORM set_config('oms.derived', ' ' || array_to_string(changed, '  ') || ' ', true);
END $$
"""
CHANGED = """
CREATE OR REPLACE FUNCTION order_states_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refresh_order_states_once(NEW.order_id);
  RETURN NULL;
END $$
"""
CHANGED_BY_LINE = """
CREATE OR REPLACE FUNCTION order_states_changed_by_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refresh_order_states_once(order_id) FROM fulfillments
    WHERE fulfillment_id = NEW.fulfillment_id;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    for statement in (ONCE, TOGETHER, CHANGED, CHANGED_BY_LINE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
