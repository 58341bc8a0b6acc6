"""What a database can hold, it holds: each deliberate violation is refused."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine, run
from workers.local.postgres import PostgresServer

SEED = """
INSERT INTO pools VALUES ('main');
INSERT INTO locations (location, pool, name, address) VALUES ('l1', 'main', 'l1', '{}');
INSERT INTO channels (channel, name, kind, pool, currencies)
    VALUES ('shop', 'Shop', 'api', 'main', '{USD}');
INSERT INTO products VALUES ('x', 'x', 1, 1, 1, 1);
INSERT INTO pool_levels (pool, sku, on_hand) VALUES ('main', 'x', 5);
INSERT INTO location_levels (location, sku, on_hand) VALUES ('l1', 'x', 5);
INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor, customer_name,
    customer_email, ship_to, placed_at, next_step, next_deadline)
    VALUES ('shop-1', 'shop', '1', 'USD', 'en', 100, 'n', 'e@example.com', '{}', now(), 's', now());
INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor)
    VALUES ('shop-1', 1, 'x', 2, 50);
INSERT INTO tenders VALUES ('shop-1', 1, 'card', 100, 'USD', 'pm');
INSERT INTO payment_intents (key, order_id, tender_no, verb, amount_minor, currency, state,
    ended_at) VALUES ('k', 'shop-1', 1, 'authorize', 100, 'USD', 'done', now());
INSERT INTO authorizations (authorization_key, order_id, tender_no, vendor, vendor_ref,
    amount_minor, currency, state) VALUES ('k', 'shop-1', 1, 'stripe', 'pi_1', 100, 'USD', 'held');
INSERT INTO payment_events (key, order_id, tender_no, authorization_key, event, amount_minor,
    currency) VALUES ('c', 'shop-1', 1, 'k', 'captured', 100, 'USD');
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
    next_step, next_deadline) VALUES ('shop-1-f1', 'shop-1', 1, 'l1', 'open', 100, 'pick', now());
INSERT INTO labels (label_key, fulfillment_id, vendor, state)
    VALUES ('b1', 'shop-1-f1', 'easypost', 'begun');
INSERT INTO stock_movements (key, kind, sku, pool, pool_on_hand, pool_reserved, pool_open_demand,
    cause) VALUES ('m', 'receive', 'x', 'main', 5, 0, 0, 'test');
INSERT INTO order_events (order_id, sequence, event, actor) VALUES ('shop-1', 1, 'E', 'test');
INSERT INTO inbox (source, kind, external_id, content_sha256, document, state)
    VALUES ('shop', 'order', '1', 'h', '{}', 'new');
INSERT INTO webhook_subscriptions (subscription_id, url, events)
    VALUES ('sub', 'https://example.com', '{*}');
INSERT INTO webhook_secrets (subscription_id, secret) VALUES ('sub', 'whsec_1');
INSERT INTO outbox (key, kind, order_id, payload, subscription_id, sequence)
    SELECT 'w', 'webhook', order_id, '{}', 'sub', sequence FROM order_events LIMIT 1;
"""
VIOLATIONS = {
    "overselling a pool": "UPDATE pool_levels SET open_demand = 6",
    "overselling a location": "UPDATE location_levels SET reserved = 6",
    "a negative hold": "UPDATE pool_levels SET open_demand = -1",
    "less on hand than reserved": "UPDATE location_levels SET on_hand = -1",
    "capturing more than was authorized":
        "UPDATE authorizations SET captured_minor = 101, state = 'taken'",
    "refunding more than was captured":
        "UPDATE authorizations SET captured_minor = 50, refunded_minor = 51, state = 'taken'",
    "money taken without saying so": "UPDATE authorizations SET captured_minor = 1",
    "a second capture of one authorization":
        "INSERT INTO payment_events (key, order_id, tender_no, authorization_key, event, "
        "amount_minor, currency) VALUES ('c2', 'shop-1', 1, 'k', 'captured', 1, 'USD')",
    "the same payment event twice":
        "INSERT INTO payment_events (key, order_id, tender_no, event, amount_minor, currency) "
        "VALUES ('c', 'shop-1', 1, 'refunded', 1, 'USD')",
    "a second label that is not voided":
        "INSERT INTO labels (label_key, fulfillment_id, vendor, state) "
        "VALUES ('b2', 'shop-1-f1', 'easypost', 'begun')",
    "a bought label without a tracking number": "UPDATE labels SET state = 'bought'",
    "the same movement twice":
        "INSERT INTO stock_movements (key, kind, sku, pool, pool_on_hand, pool_reserved, "
        "pool_open_demand, cause) VALUES ('m', 'receive', 'x', 'main', 5, 0, 0, 'again')",
    "rewriting the stock ledger": "UPDATE stock_movements SET on_hand_change = 9",
    "shortening the stock ledger": "DELETE FROM stock_movements",
    "rewriting the money ledger": "UPDATE payment_events SET amount_minor = 1",
    "rewriting an order's story": "DELETE FROM order_events",
    "an open order without its next step": "UPDATE orders SET next_step = NULL",
    "an open order without a deadline": "UPDATE orders SET next_deadline = NULL",
    "an order closed without an outcome": "UPDATE orders SET closed_at = now()",
    "an open parcel without its next step": "UPDATE fulfillments SET next_step = NULL",
    "an unknown state": "UPDATE fulfillments SET state = 'teleported'",
    "more units shipped than ordered": "UPDATE order_lines SET shipped = 3",
    "a line of no units": "UPDATE order_lines SET quantity = 0",
    "one channel order twice":
        "INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor, "
        "customer_name, customer_email, ship_to, placed_at, next_step, next_deadline) "
        "SELECT 'other', channel, external_id, currency, locale, total_minor, customer_name, "
        "customer_email, ship_to, placed_at, next_step, next_deadline FROM orders",
    "one document twice":
        "INSERT INTO inbox (source, kind, external_id, content_sha256, document, state) "
        "VALUES ('shop', 'order', '1', 'h2', '{}', 'new')",
    "a subscription to nothing": "UPDATE webhook_subscriptions SET events = '{}'",
    "a subscription to all and some": "UPDATE webhook_subscriptions SET events = '{*,Lost}'",
    "a subscription to no web address": "UPDATE webhook_subscriptions SET url = 'ftp://x'",
    "a deleted subscription that is told": "UPDATE webhook_subscriptions SET deleted_at = now()",
    "two current secrets":
        "INSERT INTO webhook_secrets (subscription_id, secret) VALUES ('sub', 'whsec_2')",
    "one secret twice":
        "INSERT INTO webhook_secrets (subscription_id, secret, expires_at) "
        "VALUES ('sub', 'whsec_1', now())",
    "a secret that is none": "UPDATE webhook_secrets SET secret = 'password'",
    "an e-mail to a subscription": "UPDATE outbox SET kind = 'email'",
    "a webhook about nothing": "UPDATE outbox SET sequence = NULL",
    "a webhook about what never happened": "UPDATE outbox SET sequence = 99",
    "a webhook to a stranger": "UPDATE outbox SET subscription_id = 'other'",
    "a dead letter without a reason": "UPDATE outbox SET dead_at = now()",
    "a dead letter that was delivered":
        "UPDATE outbox SET dead_at = now(), delivered_at = now(), last_error = 'x'",
    "an order of nobody's channel": "UPDATE orders SET channel = 'nobody'",
    "a product without weight": "UPDATE products SET weight_g = 0",
}  # fmt: skip

# A rule refused it, not a mistake in the statement.
RULES_SPEAK = (
    "new row for relation", "duplicate key", "stock_movements is", "payment_events is",
    "order_events is", "insert or update on table",
)  # fmt: skip


@pytest.fixture(scope="module")
async def seeded(postgres: PostgresServer, template_database: str) -> AsyncIterator[AsyncEngine]:
    """Every violation is rolled back, so that all can share what they violate."""
    await postgres.create_database("constraints", template=template_database)
    engine = make_engine(postgres.url_for("constraints"))
    async with engine.begin() as tx:
        for statement in SEED.split(";\n"):
            if statement.strip():
                await run(tx, statement)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_a_deliberate_violation_is_refused(seeded: AsyncEngine, name: str) -> None:
    async with seeded.connect() as tx:
        with pytest.raises(DBAPIError) as refused:
            await run(tx, VIOLATIONS[name])
    assert str(refused.value.orig).startswith(RULES_SPEAK)
