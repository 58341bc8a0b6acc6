"""Each invariant's query finds its violation, once the database's own rules are out of the way."""

import pytest

from db.engine import run
from db.queries import audit
from db.queries.audit_money import KEPT_IS_SHIPPED
from tests.workers.conftest import Books

CLOSING = "closed_order_keeps_what_it_shipped"
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
        for ledger in ("stock_movements", "payment_events", "order_events"):
            await run(tx, f"ALTER TABLE {ledger} DISABLE TRIGGER USER")
        for statement in BREAKAGES[rule].format(**books.orders).split("; "):
            await run(tx, statement)
        found = await audit.violations(tx, rule)
        assert found
        assert all(subject and detail for subject, detail in found)
