"""Each invariant's query finds its violation, once the database's own rules are out of the way."""

import pytest

from db.engine import run
from db.queries import audit
from db.queries.audit_money import KEPT_IS_SHIPPED
from tests.workers.conftest import Books

# Writes an invoice of the first parcel, whatever it says.
DOCUMENT = (
    "INSERT INTO sellers (seller, legal_name, address, legal_lines, invoice_series, "
    "credit_note_series, language, time_zone) VALUES ('a', 'A', '{{}}', '{{}}', 'INV', 'CRN', "
    "'en', 'UTC') ON CONFLICT DO NOTHING; "
    "INSERT INTO documents (number, series, year, key, kind, seller, order_id, fulfillment_id, "
    "currency, issued_at, issued_on, buyer, sequence, corrects, total_minor, content) "
    "SELECT 'n' || s, 'INV', 2026, 'k' || s, CASE WHEN s = 1 THEN 'invoice' ELSE 'credit_note' END,"
    " 'a', '{delivered}', '{delivered}-f1', 'USD', now(), now(), '{{}}', s, "
    "CASE WHEN s > 1 THEN 'n1' END, share_minor + "
)
FOR_PARCEL = (
    " FROM fulfillments, generate_series(1, 2) AS s WHERE fulfillment_id = '{delivered}-f1'"
)
CLOSING = "closed_order_keeps_what_it_shipped"
A_HOLD = (
    "INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline, "
    "placed_by) VALUES ('{which}', 9, 'x', 'grace_period', '{{routing}}', 'support', 'release', "
    "'open', now(), 'x')"
)
# A return of the delivered order that has ended: one unit came, was accepted and restocked.
RETURNED = (
    "INSERT INTO returns (rma, order_id, number, source, resolution, method, location, state, "
    "outcome, closed_at, inspected_at, settled_at) VALUES ('{delivered}-r1', '{delivered}', 1, "
    "'customer', 'refund', 'label', 'west', 'closed', 'refunded', now(), now(), now()); "
    "INSERT INTO return_items (rma, item_no, fulfillment_id, line_no, sku, requested, received, "
    "accepted, reason, condition) SELECT '{delivered}-r1', 1, fulfillment_id, line_no, sku, 1, 1, "
    "1, 'unwanted', 'opened' FROM fulfillment_lines WHERE fulfillment_id = '{delivered}-f1' "
    "LIMIT 1; "
)
REFUND = (
    "INSERT INTO return_refunds (rma, refund_no, authorization_key, tender_no, amount_minor) "
    "SELECT '{delivered}-r1', 1, authorization_key, tender_no, 1 FROM authorizations "
    "WHERE order_id = '{delivered}' LIMIT 1"
)
# {delivered}, {cancelled}, {open} and {picked} are ids of orders that ended or stand that way.
BREAKAGES = {
    "pool_ledger_equals_levels": "UPDATE pool_levels SET on_hand = on_hand + 1",
    "location_ledger_equals_levels": "UPDATE location_levels SET on_hand = on_hand + 1",
    "pool_balances_follow_their_movements":
        "UPDATE stock_movements SET pool_on_hand = pool_on_hand + 1 WHERE kind = 'ship'",
    "location_balances_follow_their_movements":
        "UPDATE stock_movements SET location_reserved = 7 WHERE kind = 'ship'",
    "pool_holds_what_its_locations_hold": "UPDATE pool_levels SET on_hand = on_hand + 1",
    "no_level_below_policy":
        "ALTER TABLE pool_levels DROP CONSTRAINT ck_pool_levels_not_oversold; "
        "UPDATE pool_levels SET reserved = on_hand + 1",
    "open_demand_is_what_is_held":
        "UPDATE reservations SET state = 'held', ended_at = NULL WHERE order_id = '{open}'",
    "reserved_is_what_is_allocated":
        "UPDATE allocations SET state = 'released', ended_at = now() WHERE state = 'allocated'",
    "reservation_ended_once":
        "UPDATE reservations SET state = 'expired' WHERE order_id = '{delivered}'",
    "allocation_ended_once":
        "DELETE FROM stock_movements WHERE kind = 'ship' AND order_id = '{delivered}'",
    "closed_order_holds_no_stock":
        "UPDATE reservations SET state = 'held', ended_at = NULL WHERE order_id = '{delivered}'",
    "order_adds_up": "UPDATE orders SET total_minor = total_minor + 1",
    "authorizations_equal_their_events":
        "UPDATE authorizations SET captured_minor = captured_minor - 1 WHERE state = 'taken' "
        "AND refunded_minor = 0",
    "captured_within_authorized":
        "ALTER TABLE authorizations DROP CONSTRAINT ck_authorizations_refunded_within_captured; "
        "UPDATE authorizations SET refunded_minor = captured_minor + 1",
    "tender_is_taken_once": "UPDATE tenders SET amount_minor = 1 WHERE order_id = '{delivered}'",
    "intent_ended_with_its_event":
        "DELETE FROM payment_events WHERE order_id = '{delivered}' AND event = 'captured'",
    "closed_order_left_nothing_unknown":
        "UPDATE payment_intents SET state = 'begun', ended_at = NULL "
        "WHERE order_id = '{delivered}' AND verb = 'authorize'",
    "shipped_is_paid":
        "UPDATE authorizations SET captured_minor = 1 WHERE order_id = '{delivered}' "
        "AND state = 'taken'",
    "parcel_shares_add_up": "UPDATE fulfillments SET share_minor = share_minor + 1",
    "units_are_conserved": "UPDATE order_lines SET cancelled = 0 WHERE order_id = '{cancelled}'",
    "lines_count_what_parcels_did":
        "UPDATE order_lines SET cancelled = 1 WHERE order_id = '{open}'",
    "routed_units_are_in_one_parcel": "UPDATE fulfillment_lines SET quantity = quantity + 1",
    "parcel_units_are_allocated": "UPDATE allocations SET quantity = quantity + 1",
    "parcel_and_allocation_agree":
        "UPDATE allocations SET state = 'released' WHERE state = 'shipped'",
    "replacement_carries_the_same_units":
        "UPDATE fulfillments SET replaces = '{delivered}-f1' WHERE order_id = '{open}'",
    "shipped_has_one_label": "UPDATE labels SET state = 'voided' WHERE state = 'bought'",
    "collected_parcel_has_no_label":
        "ALTER TABLE labels DROP CONSTRAINT fk_labels_is_pickup_fulfillment_id; "
        "UPDATE fulfillments SET is_pickup = true WHERE order_id = '{delivered}'",
    "cancelled_parcel_keeps_no_label":
        "INSERT INTO labels (label_key, fulfillment_id, vendor, state) "
        "VALUES ('late', '{cancelled}-f1', 'easypost', 'begun')",
    "closed_order_has_no_open_parcel":
        "UPDATE fulfillments SET state = 'open', ended_at = NULL, next_step = 's', "
        "next_deadline = now() WHERE order_id = '{cancelled}'",
    "open_order_has_next_step_and_deadline":
        "ALTER TABLE orders DROP CONSTRAINT ck_orders_open_has_next_step; "
        "UPDATE orders SET next_deadline = NULL",
    "one_channel_order_one_order":
        "ALTER TABLE orders DROP CONSTRAINT uq_orders_channel_external_id; "
        "UPDATE orders SET external_id = 'same'",
    "handled_order_document_has_its_order":
        "UPDATE inbox SET external_id = external_id || '.' WHERE state = 'handled'",
    "order_has_its_document": "DELETE FROM inbox",
    "story_is_complete": "DELETE FROM order_events WHERE order_id = '{open}' AND sequence = 2",
    "order_is_found_by_what_it_is":
        "UPDATE order_search SET words = '{{nobody}}' WHERE order_id = '{open}'",
    "word_lists_its_orders": "DELETE FROM word_orders WHERE order_id = '{open}'",
    "order_is_listed_as_it_stands":
        "UPDATE order_states SET payment = 'not_due' WHERE order_id = '{open}'",
    "closed_order_has_no_change_to_make":
        "INSERT INTO order_changes (order_id, number, state, wishes, asked_by) "
        "VALUES ('{delivered}', 1, 'confirmed', '[]', 'x')",
    "closed_order_has_no_open_hold": A_HOLD.replace("{which}", "{delivered}"),
    "routed_order_is_held_up_where_it_can_be":
        A_HOLD.replace("{which}", "{open}") + "; INSERT INTO order_events (order_id, sequence, "
        "event, actor, data) VALUES ('{open}', 99, 'HoldPlaced', 'x', "
        "jsonb_build_object('number', 9))",
    "documents_are_numbered_without_gaps":
        f"{DOCUMENT} 0, '{{{{}}}}'{FOR_PARCEL}; "
        "UPDATE documents SET sequence = 9 WHERE sequence = 2",
    "invoice_bills_its_share": f"{DOCUMENT} 1, '{{{{}}}}'{FOR_PARCEL}",
    "credit_notes_within_their_invoice":
        f"{DOCUMENT} 0, '{{{{}}}}'{FOR_PARCEL}; UPDATE documents SET total_minor = total_minor + 1 "
        "WHERE sequence = 2",
    "document_says_its_total":
        f"{DOCUMENT} 0, '{{{{\"bill\": {{{{\"total_minor\": 7}}}}}}}}'{FOR_PARCEL}",
    "delivered_document_is_written":
        "UPDATE outbox SET delivered_at = now() WHERE kind = 'document'",
    "promised_units_are_in_open_returns":
        "UPDATE fulfillment_lines SET in_return = 1 WHERE fulfillment_id = '{delivered}-f1'",
    "returned_units_were_judged":
        "UPDATE fulfillment_lines SET returned = 1 WHERE fulfillment_id = '{delivered}-f1'",
    "received_units_have_a_fate": RETURNED + "UPDATE return_items SET received = 1",
    "only_restocked_units_are_stock":
        RETURNED + "INSERT INTO return_dispositions (rma, item_no, disposition, quantity, "
        "location) VALUES ('{delivered}-r1', 1, 'restock', 1, 'west')",
    "return_gives_what_it_decided": RETURNED + "UPDATE returns SET refund_minor = 5",
    "closed_return_owes_nothing": RETURNED + REFUND,
    "refund_follows_its_intent": RETURNED + REFUND + "; UPDATE return_refunds SET made_at = now()",
    "exchange_is_settled_with_its_parcel":
        RETURNED + "UPDATE fulfillments SET rma = '{delivered}-r1' "
        "WHERE fulfillment_id = '{open}-f1'",
    CLOSING: "UPDATE fulfillments SET share_minor = share_minor + 1 WHERE state = 'delivered'",
}  # fmt: skip


def test_every_rule_has_its_breakage() -> None:
    assert set(BREAKAGES) == set(audit.RULES) | {CLOSING}


@pytest.mark.parametrize("rule", BREAKAGES)
async def test_a_violation_is_found(books: Books, rule: str, monkeypatch) -> None:
    monkeypatch.setitem(audit.RULES, CLOSING, KEPT_IS_SHIPPED)
    async with books.world.engine.connect() as tx:
        assert await audit.violations(tx, rule) == []
        # The audit must not rely on what it checks. Rolled back at the end.
        for ledger in ("stock_movements", "payment_events", "order_events", "documents"):
            await run(tx, f"ALTER TABLE {ledger} DISABLE TRIGGER USER")
        for statement in BREAKAGES[rule].format(**books.orders).split("; "):
            await run(tx, statement)
        found = await audit.violations(tx, rule)
        assert found
        assert all(subject and detail for subject, detail in found)
