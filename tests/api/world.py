"""A caller of the API with hands in the database, and what the tests' shop sells."""

import itertools
import json
from dataclasses import dataclass
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from db.inbox.keys import NewKey

SECRETS = {"stripe": "whsec_stripe", "easypost": "whsec_easypost", "shopify": "whsec_shopify"}
SETUP = """
INSERT INTO pools VALUES ('main'), ('other');
INSERT INTO locations (location, pool, name, address) VALUES
  ('east', 'main', 'East', '{}'), ('west', 'main', 'West', '{}'), ('far', 'other', 'Far', '{}');
INSERT INTO channels (channel, name, kind, pool, currencies, buffer) VALUES
  ('shop', 'Shop', 'api', 'main', '{USD,EUR}', 2),
  ('shopify', 'Shopify', 'shopify', 'main', '{USD}', 0);
INSERT INTO products VALUES
  ('A-1', 'Lamp', 500, 200, 150, 50), ('B/2', 'Chair', 4000, 600, 600, 900),
  ('C-3', 'Table', 9000, 900, 900, 900);
INSERT INTO pool_levels (pool, sku, on_hand, reserved, open_demand, safety_stock) VALUES
  ('main', 'A-1', 20, 3, 4, 1), ('main', 'B/2', 2, 1, 0, 0), ('other', 'A-1', 7, 0, 0, 0);
INSERT INTO location_levels (location, sku, on_hand, reserved) VALUES
  ('east', 'A-1', 12, 1), ('west', 'A-1', 8, 2), ('far', 'A-1', 7, 0), ('east', 'B/2', 2, 1);
"""
FULL_ORDER = """
INSERT INTO order_charges VALUES (:o, 1, 'shipping', 500);
INSERT INTO tenders VALUES (:o, 1, 'card', 2000, 'USD', 'pm_card_visa'),
  (:o, 2, 'store_credit', 500, 'USD', 'GIFT-SECRET-9876');
INSERT INTO payment_intents (key, order_id, tender_no, verb, amount_minor, currency, state,
  ended_at) VALUES (:o || ':t1:authorize:1', :o, 1, 'authorize', 2000, 'USD', 'done', now()),
  (:o || ':t2:charge:1', :o, 2, 'charge', 500, 'USD', 'done', now());
INSERT INTO authorizations (authorization_key, order_id, tender_no, vendor, vendor_ref,
  amount_minor, currency, state, captured_minor) VALUES
  (:o || ':t1:authorize:1', :o, 1, 'stripe', 'pi_' || :o, 2000, 'USD', 'held', 0),
  (:o || ':t2:charge:1', :o, 2, 'store_credit', 'sc_' || :o, 500, 'USD', 'taken', 500);
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
  tracking_status, next_step, next_deadline, handed_over_at) VALUES
  (:o || '-f1', :o, 1, 'east', 'handed_over', 1500, 'in_transit', 'delivery by the carrier',
    '2026-11-30T00:00:00Z', now()),
  (:o || '-f2', :o, 2, 'west', 'open', 1000, NULL, 'pick', '2026-11-24T00:00:00Z', NULL);
INSERT INTO fulfillment_lines VALUES (:o || '-f1', 1, 'A-1', 1), (:o || '-f2', 1, 'A-1', 1);
INSERT INTO labels (label_key, fulfillment_id, vendor, state, tracking_number) VALUES
  (:o || ':f1:label:1', :o || '-f1', 'easypost', 'bought', 'TRK' || :o);
INSERT INTO tracking_events (fulfillment_id, event_id, status, description, occurred_at)
  VALUES (:o || '-f1', 'e2', 'in_transit', 'On its way', '2026-11-23T12:00:00Z'),
  (:o || '-f1', 'e1', 'pending', 'Announced', '2026-11-23T10:00:00Z');
INSERT INTO exceptions (exception_id, workflow_id, order_id, fulfillment_id, step, reason,
  detail, owner, deadline, resolutions, state) VALUES
  (:o || '-f2-x1-1', 'order-' || :o || '/f/2', :o, :o || '-f2', 'pick', 'pick_overdue',
    'west has not reported', 'operations', '2026-11-24T04:00:00Z', '{retry,compensate}', 'open');
INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,
  placed_by, ended_at) VALUES
  (:o, 1, 'placement:grace_period', 'grace_period', '{routing}', 'support', 'release', 'expired',
    '2026-11-23T10:00:00Z', 'system', now()),
  (:o, 2, 'api:1', 'address_problem', '{routing,shipping}', 'support', 'cancel', 'open',
    '2026-12-23T10:00:00Z', 'key:tests', NULL);
INSERT INTO fraud_assessments (order_id, score, review_from, facts) VALUES
  (:o, 10, 50, '{"total_minor": 2500, "is_first_order": true}');
INSERT INTO order_events (order_id, sequence, event, actor, data) VALUES
  (:o, 1, 'OrderPlaced', 'system', '{"channel": "shop"}'),
  (:o, 2, 'StockReserved', 'system', '{}');
UPDATE orders SET version = 2 WHERE order_id = :o;
UPDATE order_lines SET shipped = 1 WHERE order_id = :o
"""
NUMBERS = itertools.count(1)


@dataclass
class Api:
    """A caller with a key that may do everything, and hands in the database."""

    app: FastAPI
    client: httpx.AsyncClient
    engine: AsyncEngine
    temporal: Client
    key: NewKey

    @staticmethod
    def number() -> int:
        return next(NUMBERS)

    def document(self, word: str = "ok", **changes: Any) -> dict[str, Any]:
        return {
            "channel": "shop",
            "external_id": f"{word}-{self.number()}",
            "placed_at": "2026-11-22T10:00:00Z",
            "currency": "USD",
            "locale": "en",
            "customer": {"name": "Ada Buyer", "email": "ada@example.com", "phone": None},
            "ship_to": {
                "name": "Ada Buyer", "line1": "1 Main Street", "line2": None,
                "city": "Springfield", "region": "IL", "postal_code": "62701", "country": "US",
            },
            "lines": [{"sku": "A-1", "quantity": 2, "unit_price_minor": 1_000}],
            "charges": [{"kind": "shipping", "amount_minor": 500}],
            "tenders": [{"kind": "card", "amount_minor": 2_500, "reference": "pm_card_visa"}],
        } | changes  # fmt: skip

    async def place(self, document: dict[str, Any], key: str | None = None, **headers: str) -> Any:
        given = {"Idempotency-Key": key or f"key-{self.number()}", **headers}
        return await self.client.post("/orders", json=document, headers=given)

    async def sql(self, statement: str, **values: Any) -> Any:
        async with self.engine.begin() as tx:
            result = await tx.execute(sa.text(statement), values)
            return result.all() if result.returns_rows else None

    async def traces(self, document: dict[str, Any]) -> tuple[int, int, int]:
        """How many rows of inbox, audit log and idempotency keys (`key-…`) speak of an order."""
        found = await self.sql(
            """
            SELECT (SELECT count(*) FROM inbox WHERE external_id = :e),
              (SELECT count(*) FROM audit_log WHERE subject = 'shop-' || :e),
              (SELECT count(*) FROM idempotency_keys WHERE idempotency_key = 'key-' || :e)
            """,
            e=document["external_id"],
        )
        return tuple(found[0])

    async def admitted(self, word: str = "ok", **changes: Any) -> str:
        """Write an open order as admission would."""
        order_id = f"shop-{word}-{self.number()}"
        row = {
            "order_id": order_id, "channel": "shop", "external_id": order_id[5:],
            "currency": "USD", "locale": "en", "total_minor": 2_500, "customer_name": "Ada",
            "customer_email": "ada@example.com", "ship_to": json.dumps({"city": "Springfield"}),
            "placed_at": "2026-11-22T10:00:00Z", "next_step": "deliver",
            "next_deadline": "2026-12-01T10:00:00Z",
        } | changes  # fmt: skip
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        await self.sql(f"INSERT INTO orders ({names}) VALUES ({places})", **row)
        await self.sql(
            "INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor) "
            "VALUES (:order_id, 1, 'A-1', 2, 1000)",
            order_id=order_id,
        )
        await self.sql(
            """
            INSERT INTO inbox (source, kind, external_id, content_sha256, document, state)
            VALUES ('shop', 'order', :external_id, '', '{}', 'handled')
            """,
            external_id=order_id[5:],
        )
        return order_id

    async def full_order(self) -> str:
        """An order with a parcel on its way, one waiting to be picked, and an exception."""
        promise = {"promise_from": "2026-11-25", "promise_by": "2026-11-30"}
        order_id = await self.admitted("full", **promise)
        await self.sql(FULL_ORDER.replace(":o", f"'{order_id}'"))
        return order_id


def is_sent_away(answer: Any, code: str = "unavailable") -> bool:
    """A refusal of the moment, as a problem document that says when to ask again."""
    return (
        answer.status_code == 503
        and answer.headers["content-type"] == "application/problem+json"
        and answer.json()["code"] == code
        and int(answer.headers["retry-after"]) > 0
    )


def caller(app: FastAPI, secret: str | None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)
