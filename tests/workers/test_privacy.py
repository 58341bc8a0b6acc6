"""A customer's data is exported whole and erased everywhere, and every ledger still adds up."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.setting_up import upsert_catalog
from db.inbox.orders import commit_order
from db.inbox.webhooks import commit_webhook
from db.tables import metadata
from tests.workers.command_line import oms
from tests.workers.conftest import a_world, working
from tests.workers.marked import EMAIL, MARK, api_of, marked
from tests.workflows.conftest import World
from workers.audit.vendors import ledger_of
from workers.auditing import Audit
from workers.errors import UserError
from workers.local.postgres import PostgresServer
from workers.privacy import run_erasure, run_export
from workers.settings import Settings
from workers.wiring import open_gateways

# What figures and ledgers are made of.
LEDGERS = {
    "orders": "order_id, total_minor, currency, outcome, placed_at, closed_at, version",
    "order_lines": "*", "order_charges": "*", "order_events": "*", "payment_events": "*",
    "payment_intents": "*", "stock_movements": "*", "pool_levels": "*", "location_levels": "*",
    "store_credits": "*", "inbox": "inbox_id, source, kind, external_id, content_sha256, state",
    "authorizations": "authorization_key, amount_minor, captured_minor, refunded_minor, state",
}  # fmt: skip


@dataclass
class Held:
    world: World
    settings: Settings
    api: httpx.AsyncClient

    async def place(self, document: dict[str, Any], key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key or document["external_id"]}
        return await self.api.post("/orders", json=document, headers=headers)

    async def ended(self, document: dict[str, Any]) -> None:
        async def closed() -> bool:
            order = await self.world.order(document)
            return bool(order and order.outcome)

        await self.world.until(closed)

    async def tables_with(self, word: str) -> set[str]:
        """Every table that has the word in any of its columns."""
        found = set()
        for table in metadata.tables:
            statement = f"SELECT 1 FROM {table} AS t WHERE strpos(lower(t::text), :word) > 0"
            if await self.world.rows(statement, word=word):
                found.add(table)
        return found

    async def ledgers(self) -> dict[str, list[Any]]:
        return {
            table: await self.world.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
            for table, columns in LEDGERS.items()
        }


@pytest.fixture
async def held(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> AsyncIterator[Held]:
    async with (
        a_world(postgres, template_database, tmp_path) as (world, settings),
        working(settings, world.temporal),
        api_of(world, settings) as api,
    ):
        yield Held(world, settings, api)


async def tell(held: Held) -> list[dict[str, Any]]:
    """Orders of the marked customer's in every corner, and one of another's."""
    world = held.world
    sku = await world.sku(west=20)
    credit = {"code": "GIFT", "currency": "USD", "balance_minor": 5_000}
    async with world.engine.begin() as tx:
        await upsert_catalog(tx, {"store_credits": [credit]})
    mixed = [
        {"kind": "store_credit", "amount_minor": 500, "reference": "GIFT"},
        {"kind": "card", "amount_minor": 2_000, "reference": "pm_card_visa"},
    ]
    slip = [{"kind": "bank_slip", "amount_minor": 2_500, "reference": "pm_boleto_paid"}]
    declined = [{"kind": "card", "amount_minor": 2_500, "reference": "pm_card_chargeDeclined"}]
    delivered = marked(world.document((sku, 2), tenders=mixed))
    paid_slip = marked(world.document((sku, 2), currency="BRL", tenders=slip))
    refused = marked(world.document((sku, 2), tenders=declined))
    cancelled = marked(world.document((sku, 2)))
    others = world.document((sku, 1))
    for document in (delivered, paid_slip, refused, cancelled, others):
        await held.place(document)
    for document in (delivered, paid_slip, others):
        await world.work(document)
    order_id = f"shop-{cancelled['external_id']}"
    await world.parts(order_id)
    await held.api.post(f"/orders/{order_id}/cancel", json={"reason": f"{MARK} has moved"})
    unreadable = marked(world.document((f"{MARK}-unknown", 1)))
    await (await world.place(unreadable)).result()
    event = {"topic": "customers/update", "payload": {"email": EMAIL.upper(), "name": MARK}}
    async with world.engine.begin() as tx:
        await commit_webhook(tx, "shopify", "customers/update:1", event)
        await commit_webhook(tx, "shopify", "customers/update:2", {"email": f"not{EMAIL}"})
    for document in (delivered, paid_slip, refused, cancelled, others):
        await held.ended(document)

    async def nothing_new() -> bool:
        return not await world.rows("SELECT 1 FROM inbox WHERE state = 'new'")

    await world.until(nothing_new)
    return [delivered, paid_slip, refused, cancelled, unreadable, others]


async def test_a_customer_is_exported_then_erased_and_nothing_else_changes(held: Held) -> None:
    *theirs, _ = await tell(held)
    found = await run_export(held.settings, EMAIL.upper())
    assert {order["order_id"] for order in found["orders"]} == {
        f"shop-{document['external_id']}" for document in theirs[:4]
    }
    assert len(found["inbox"]) == 6, "five documents and the shop's webhook"
    assert await held.tables_with(MARK) - {"audit_log"} <= found.keys()
    assert "outbox" in found
    json.dumps(found)

    before, of_others = await held.ledgers(), await run_export(held.settings, "ada@example.com")
    done = await run_erasure(held.settings, EMAIL)
    assert done is not None
    assert done.orders == 4
    assert await held.tables_with(EMAIL) == {"inbox"}, "another's, whose address ends like theirs"
    assert await held.tables_with(MARK) == {"inbox"}
    assert await held.ledgers() == before
    assert await run_export(held.settings, "ada@example.com") == of_others
    names = await held.world.rows("SELECT DISTINCT customer_name FROM orders")
    assert {row.customer_name for row in names} == {done.pseudonym, "Ada Buyer"}
    kept = await held.world.row("SELECT ship_to FROM orders WHERE customer_name <> 'Ada Buyer'")
    assert (kept.ship_to["country"], kept.ship_to["region"]) == ("US", "CA")
    assert kept.ship_to["postal_code"] == kept.ship_to["line1"] == "erased"

    for document in theirs[:4]:
        shown = await held.api.get(f"/orders/shop-{document['external_id']}")
        assert shown.status_code == 200, shown.text
        assert MARK not in shown.text

    trace = await held.world.row("SELECT * FROM audit_log WHERE action = 'CustomerErased'")
    assert (trace.actor, trace.subject) == ("oms privacy", done.pseudonym)
    assert trace.after["orders"] == 4
    assert await run_erasure(held.settings, EMAIL) is None, "nothing is left to erase"
    assert await violations(held) == []
    await deliver_again(held, theirs)


async def violations(held: Held) -> list[Any]:
    async with open_gateways(held.settings) as gateways:
        ledger = ledger_of(held.settings, gateways)
        audit = Audit(held.world.engine, held.world.temporal, ledger, "shopify")
        return await audit.run(pause_s=0.2)


async def deliver_again(held: Held, documents: list[dict[str, Any]]) -> None:
    """The channel repeats itself: neither an order nor the data comes back."""
    orders = await held.world.rows("SELECT order_id FROM orders ORDER BY 1")
    *placed, unreadable = documents
    for document, status in zip(placed, (201, 201, 402, 201), strict=True):
        for key in (document["external_id"], f"again-{document['external_id']}"):
            answer = await held.place(document, key)
            assert answer.status_code == status, answer.text
    assert (await held.place(placed[0] | {"locale": "de"}, "changed")).status_code == 409
    async with held.world.engine.begin() as tx:
        named = {"channel": "shop", "external_id": unreadable["external_id"]}
        kept = await commit_order(tx, unreadable, **named, deferred=True)
    assert not kept.is_new
    assert await held.world.rows("SELECT order_id FROM orders ORDER BY 1") == orders
    assert await held.tables_with(MARK) == {"inbox"}


async def test_an_open_order_keeps_its_customer(held: Held) -> None:
    document = marked(held.world.document((await held.world.sku(west=5), 1)))
    await held.place(document)
    order_id = f"shop-{document['external_id']}"
    await held.world.parts(order_id)
    with pytest.raises(UserError, match=f"^nothing was erased: order {order_id} is still open$"):
        await run_erasure(held.settings, EMAIL)
    assert (await held.world.order(document)).customer_email == EMAIL


async def test_the_commands_say_what_they_did_in_one_line(held: Held, tmp_path: Path) -> None:
    document = marked(held.world.document((await held.world.sku(west=5), 1)))
    document["ship_to"]["line1"] = "1 UNDELIVERABLE Road"
    await held.place(document)
    await held.ended(document)
    assert held.settings.database_url is not None
    env = {"OMS_DATABASE_URL": held.settings.database_url.get_secret_value()}
    file = tmp_path / "held.json"
    code, out, _ = await oms("privacy", "export", EMAIL, "--json", str(file), **env)
    assert file.stat().st_mode & 0o077 == 0, "nobody else's to read"
    rows = sum(map(len, json.loads(file.read_text()).values()))
    assert (code, out) == (0, f"{rows} rows in {file}\n")
    code, _, err = await oms("privacy", "erase", EMAIL, **env)
    assert (code, err) == (2, "oms: erasing cannot be undone; repeat the command with --yes\n")
    code, out, _ = await oms("privacy", "erase", EMAIL, "--yes", **env)
    assert code == 0
    assert out.startswith("1 orders, ")
    code, out, _ = await oms("privacy", "erase", EMAIL, "--yes", **env)
    assert (code, out) == (0, "nothing is held about this customer\n")
