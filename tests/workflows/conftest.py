"""A small world for stories: our workers in this process, the vendors as the sandbox's process."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from activities.setting_up import book_stock, upsert_catalog
from api.app import ApiConfig, create_app
from db.engine import make_engine, row, rows
from db.inbox.keys import create_key
from db.inbox.orders import commit_order
from domain.timings import Timings
from tests.api.world import caller
from workers.inbox import InboxLoop
from workers.local.ports import any_free_port
from workers.schedules import register_search_attributes
from workers.settings import Settings
from workers.wiring import activities_by_queue, open_gateways
from workers.worker import make_worker
from workflows import search
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import (
    CORE_QUEUE,
    LinesDone,
    OrderInput,
    fulfillment_workflow_id,
    order_workflow_id,
)
from workflows.order import OrderWorkflow

TIME_FACTOR = 200_000.0
PATIENCE_S = 40.0
SETUP = {
    "pools": ["main"],
    "locations": [
        {
            "location": name,
            "pool": "main",
            "name": name,
            "address": {
                "name": name, "line1": "Dock 1", "line2": None, "city": city, "region": state,
                "postal_code": code, "country": "US", "latitude": lat, "longitude": lon,
            },
        }
        for name, city, state, code, lat, lon in (
            ("east", "New York", "NY", "10001", 40.7, -74.0),
            ("west", "San Jose", "CA", "95101", 37.3, -121.9),
        )
    ],
    "channels": [
        {"channel": "shop", "name": "Shop", "kind": "api", "pool": "main",
         "currencies": ["USD", "BRL"]},
        {"channel": "thrifty", "name": "Thrifty", "kind": "api", "pool": "main",
         "currencies": ["USD"], "on_shortage": "cancel"},
        {"channel": "careful", "name": "Careful", "kind": "api", "pool": "main",
         "currencies": ["USD"], "on_loss": "reship", "decides_up_to_minor": 5_000},
        {"channel": "generous", "name": "Generous", "kind": "api", "pool": "main",
         "currencies": ["USD"], "on_loss": "refund", "decides_up_to_minor": 5_000},
    ],
}  # fmt: skip


@dataclass
class World:
    """What a story needs at hand; SKUs are made anew for each test, so that tests do not meet."""

    engine: AsyncEngine
    temporal: Client
    sandbox: httpx.AsyncClient
    timings: Timings
    # A slip that is certainly still unpaid when it is cancelled.
    slow_slips: Timings = field(default_factory=lambda: Timings().scaled(1_000))
    numbers: Any = field(default_factory=lambda: iter(range(1, 100_000)))

    async def sku(self, **on_hand: int) -> str:
        """Make a product with stock at each named location."""
        sku = f"SKU-{next(self.numbers)}"
        product = {"sku": sku, "name": sku, "weight_g": 500, "length_mm": 200, "width_mm": 150,
                   "height_mm": 50}  # fmt: skip
        async with self.engine.begin() as tx:
            await upsert_catalog(tx, {"products": [product]})
            for location, units in on_hand.items():
                level = {"location": location, "sku": sku, "on_hand": units}
                await book_stock(tx, level, f"{sku}:{location}")
        return sku

    def document(self, *lines: tuple[str, int], **changes: Any) -> dict[str, Any]:
        total = sum(units * 1_000 for _, units in lines) + 500
        return {
            "channel": "shop",
            "external_id": f"n{next(self.numbers)}",
            "placed_at": "2026-01-02T10:00:00Z",
            "currency": "USD",
            "locale": "en",
            "customer": {"name": "Ada Buyer", "email": "ada@example.com", "phone": None},
            "ship_to": {
                "name": "Ada Buyer", "line1": "417 Montgomery St", "line2": None,
                "city": "San Francisco", "region": "CA", "postal_code": "94104", "country": "US",
                "latitude": 37.79, "longitude": -122.4,
            },
            "lines": [
                {"sku": sku, "quantity": units, "unit_price_minor": 1_000} for sku, units in lines
            ],
            "charges": [{"kind": "shipping", "amount_minor": 500}],
            "tenders": [{"kind": "card", "amount_minor": total, "reference": "pm_card_visa"}],
        } | changes  # fmt: skip

    async def place(
        self, document: dict[str, Any], timings: Timings | None = None
    ) -> WorkflowHandle[Any, Any]:
        """Commit the document and start its run, as the API does."""
        channel, external_id = document["channel"], document["external_id"]
        async with self.engine.begin() as tx:
            kept = await commit_order(
                tx, document, channel=channel, external_id=external_id, deferred=False
            )
        order_id = f"{channel}-{external_id}"
        return await self.temporal.start_workflow(
            OrderWorkflow.run,
            OrderInput(order_id, kept.inbox_id, channel, timings or self.timings),
            id=order_workflow_id(order_id),
            task_queue=CORE_QUEUE,
            search_attributes=search.at_start(channel, "placing"),
        )

    async def work(self, document: dict[str, Any], *, until: str = "packed") -> None:
        """Do the warehouse's part for every fulfillment order."""
        order_id = f"{document['channel']}-{document['external_id']}"
        for part in await self.parts(order_id):
            handle = self.temporal.get_workflow_handle(
                fulfillment_workflow_id(order_id, part.number)
            )
            done = LinesDone("test", tuple((line, count) for line, count in part.lines))
            await handle.execute_update(FulfillmentWorkflow.picked, done)
            if until == "packed":
                await handle.execute_update(FulfillmentWorkflow.packed, done)

    async def parts(self, order_id: str) -> list[Any]:
        """Wait until the order is routed and its children run."""

        async def routed() -> list[Any]:
            return list(
                await self.rows(
                    """
                    SELECT f.*, (SELECT array_agg(ARRAY[line_no, quantity]) FROM fulfillment_lines l
                        WHERE l.fulfillment_id = f.fulfillment_id) AS lines
                    FROM fulfillments f WHERE order_id = :order_id ORDER BY number
                    """,
                    order_id=order_id,
                )
            )

        parts = await self.until(routed)
        for part in parts:
            name = fulfillment_workflow_id(order_id, part.number)
            handle = self.temporal.get_workflow_handle(name)
            await self.until(lambda handle=handle: _runs(handle))
        return parts

    async def until(self, probe: Any, patience_s: float = PATIENCE_S) -> Any:
        """Poll until `probe` answers something true."""
        async with asyncio.timeout(patience_s):
            while not (found := await probe()):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.05)
        return found

    async def until_pending(self, run_of_it: WorkflowHandle[Any, Any], activity: str) -> None:
        """Wait until the run has asked for an activity that takes its time."""

        async def is_pending() -> bool:
            pending = (await run_of_it.describe()).raw_description.pending_activities
            return any(each.activity_type.name == activity for each in pending)

        await self.until(is_pending)

    async def rows(self, statement: str, **values: Any) -> Any:
        async with self.engine.connect() as tx:
            return await rows(tx, statement, **values)

    async def row(self, statement: str, **values: Any) -> Any:
        async with self.engine.connect() as tx:
            return await row(tx, statement, **values)

    async def order(self, document: dict[str, Any]) -> Any:
        order_id = f"{document['channel']}-{document['external_id']}"
        return await self.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)

    async def ledger(self, document: dict[str, Any]) -> dict[str, Any]:
        """What the vendors say they did for one order."""
        order_id = f"{document['channel']}-{document['external_id']}"
        whole = (await self.sandbox.get("/_/ledger")).json()
        return {
            "payments": [p for p in whole["payments"] if p["order"] == order_id],
            "labels": [
                item
                for item in whole["labels"]
                if (item["reference"] or "").startswith(f"{order_id}:")
            ],
        }

    async def fault(self, **fault: Any) -> None:
        (await self.sandbox.post("/_/faults", json=fault)).raise_for_status()


async def _runs(handle: WorkflowHandle[Any, Any]) -> bool:
    """The row of a part is written a moment before its run starts."""
    try:
        await handle.describe()
    except RPCError:
        return False
    return True


@pytest.fixture(scope="session")
async def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    port = any_free_port()
    words = [sys.executable, "-m", "sandbox", "--port", str(port), "--data-dir",
             str(tmp_path_factory.mktemp("sandbox")), "--time-factor", str(TIME_FACTOR),
             "--api-url", "http://127.0.0.1:9", "--stripe-webhook-secret", "s",
             "--easypost-webhook-secret", "e", "--shopify-webhook-secret", "h"]  # fmt: skip
    process = subprocess.Popen(words, cwd=Path(__file__).parents[2])  # noqa: ASYNC220
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(20):
            while True:
                try:
                    (await client.get("/_/health")).raise_for_status()
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
async def world(
    postgres: Any, template_database: str, temporal: Client, sandbox_url: str
) -> AsyncIterator[World]:
    settings = Settings(
        database_url=await postgres.create_database("stories", template=template_database),
        stripe_url=f"{sandbox_url}/stripe",
        stripe_key="sk_sandbox",
        easypost_url=f"{sandbox_url}/easypost",
        easypost_key="EZSANDBOX",
    )
    engine = make_engine(settings.require_database_url())
    await register_search_attributes(temporal)
    async with engine.begin() as tx:
        await upsert_catalog(tx, SETUP)
    timings = Timings().scaled(TIME_FACTOR)
    async with (
        open_gateways(settings) as gateways,
        httpx.AsyncClient(base_url=sandbox_url) as sandbox,
    ):
        served = activities_by_queue(engine, gateways)
        workers = [make_worker(temporal, queue, served[queue], engine=engine) for queue in served]
        stop = asyncio.Event()
        loop = asyncio.create_task(InboxLoop(engine, temporal, timings).run(stop))
        running = [asyncio.create_task(worker.run()) for worker in workers]
        yield World(engine, temporal, sandbox, timings)
        stop.set()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        await asyncio.gather(*running, loop)
    await engine.dispose()


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.engine.begin() as tx:
        key = await create_key(tx, "changes", ["orders:read", "orders:write"])
    app = create_app(
        engine=world.engine, temporal=world.temporal, config=ApiConfig(timings=world.timings)
    )
    async with caller(app, key.secret) as client:
        yield client
