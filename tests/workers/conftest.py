"""A stack of the audit's own: one database, one Temporal, one sandbox, and some orders' stories."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from activities.setting_up import upsert_catalog
from db.engine import make_engine
from domain.timings import Timings
from tests.workflows.conftest import SETUP, World
from workers.audit.vendors import ledger_of
from workers.auditing import Audit
from workers.inbox import InboxLoop
from workers.local import web
from workers.local.ports import any_free_port
from workers.local.postgres import PostgresServer
from workers.local.temporal import TemporalServer
from workers.schedules import register_search_attributes
from workers.settings import Settings
from workers.temporal import connect
from workers.wiring import activities_by_queue, open_gateways
from workers.worker import make_worker
from workflows.messages import CancelOrder
from workflows.order import OrderWorkflow

TIME_FACTOR = 200_000.0


@dataclass
class Books:
    """The world, what audits it, and the orders in it by the name of their story."""

    world: World
    settings: Settings
    audit: Audit
    orders: dict[str, str] = field(default_factory=dict)
    # What a test broke for good.
    stays: set[tuple[str, str]] = field(default_factory=set)

    async def found(self) -> set[tuple[str, str]]:
        found = {(each.rule, each.subject) for each in await self.audit.run(pause_s=0.2)}
        return found - self.stays


@asynccontextmanager
async def working(settings: Settings, client: Client) -> AsyncIterator[None]:
    """Our workers, in this process."""
    engine = make_engine(settings.require_database_url())
    timings = Timings().scaled(TIME_FACTOR)
    async with open_gateways(settings) as gateways:
        served = activities_by_queue(engine, gateways)
        workers = [make_worker(client, queue, served[queue], engine=engine) for queue in served]
        stop = asyncio.Event()
        loop = asyncio.create_task(InboxLoop(engine, client, timings).run(stop))
        running = [asyncio.create_task(worker.run()) for worker in workers]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*(worker.shutdown() for worker in workers))
            await asyncio.gather(*running, loop)
    await engine.dispose()


@asynccontextmanager
async def a_sandbox(folder: Path) -> AsyncIterator[str]:
    """Order ids repeat from stack to stack: each needs vendors of its own."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - a test's own folder
    words = [sys.executable, "-m", "sandbox", "--port", str(port := any_free_port()),
             "--data-dir", str(folder), "--time-factor", str(TIME_FACTOR),
             "--api-url", "http://127.0.0.1:9", "--stripe-webhook-secret", "s",
             "--easypost-webhook-secret", "e", "--shopify-webhook-secret", "h"]  # fmt: skip
    process = subprocess.Popen(words, cwd=Path(__file__).parents[2])  # noqa: ASYNC220
    try:
        async with asyncio.timeout(20):
            while not await web.succeeds(port, "/_/health"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def a_world(
    postgres: PostgresServer, template: str, folder: Path, **changes: Any
) -> AsyncIterator[tuple[World, Settings]]:
    """A sandbox, a Temporal server and a database of one's own; nobody works yet."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(a_sandbox(folder / "sandbox"))
        server = await stack.enter_async_context(
            TemporalServer(folder, durable=False, headless=True)
        )
        name = f"audited_{secrets.token_hex(4)}"
        given: dict[str, Any] = {
            "database_url": await postgres.create_database(name, template=template),
            "temporal_address": server.address,
            "stripe_url": f"{sandbox}/stripe",
            "stripe_key": "sk_sandbox",
            "easypost_url": f"{sandbox}/easypost",
            "easypost_key": "EZSANDBOX",
            "time_factor": TIME_FACTOR,
        }
        settings = Settings(**given | changes)
        client = await connect(settings)
        await register_search_attributes(client)
        engine = make_engine(settings.require_database_url())
        stack.push_async_callback(engine.dispose)
        async with engine.begin() as tx:
            await upsert_catalog(tx, SETUP)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=sandbox))
        yield World(engine, client, http, Timings().scaled(TIME_FACTOR)), settings


@asynccontextmanager
async def books_kept(postgres: PostgresServer, template: str, folder: Path) -> AsyncIterator[Books]:
    async with (
        a_world(postgres, template, folder) as (world, settings),
        open_gateways(settings) as gateways,
    ):
        ledger = ledger_of(settings, gateways)
        audit = Audit(world.engine, world.temporal, ledger, settings.shopify_channel)
        yield Books(world, settings, audit)


async def tell(books: Books) -> None:
    """Run one order to each kind of end, and leave some in their middle."""
    world = books.world
    credit = {"code": "GIFT", "currency": "USD", "balance_minor": 5_000}
    async with world.engine.begin() as tx:
        await upsert_catalog(tx, {"store_credits": [credit]})

    async def place(
        name: str, *lines: tuple[str, int], timings: Timings | None = None, **changes: Any
    ) -> dict[str, Any]:
        document = world.document(*lines, **changes)
        books.orders[name] = f"shop-{document['external_id']}"
        handle = await world.place(document, timings)
        await handle.execute_update(OrderWorkflow.admission)
        return document

    card, other = await world.sku(east=3, west=9), await world.sku(east=9)
    mixed = [
        {"kind": "store_credit", "amount_minor": 500, "reference": "GIFT"},
        {"kind": "card", "amount_minor": 6_000, "reference": "pm_card_visa"},
    ]
    split = await place("delivered", (card, 5), (other, 1), tenders=mixed)
    declined = [{"kind": "card", "amount_minor": 1_500, "reference": "pm_card_chargeDeclined"}]
    await place("declined", (card, 1), tenders=declined)
    await place("sold out", (other, 99))
    debit = [{"kind": "debit", "amount_minor": 2_500, "reference": "pm_card_debit"}]
    cancelled = await place("cancelled", (other, 2), tenders=debit)
    await place("open", (card, 1))
    picked = await place("picked", (card, 1))
    await world.work(split)
    await world.work(picked, until="picked")
    await world.parts(books.orders["cancelled"])
    handle = world.temporal.get_workflow_handle(f"order-{books.orders['cancelled']}")
    await handle.execute_update(OrderWorkflow.cancel, CancelOrder("test", "changed my mind"))
    await handle.result()
    await world.temporal.get_workflow_handle(f"order-{books.orders['delivered']}").result()
    assert (await world.order(cancelled)).outcome == "cancelled"
    await world.parts(books.orders["open"])
    await place("late", (card, 1), timings=replace(world.timings, pick_s=0.5))
    await world.until(lambda: world.rows("SELECT 1 FROM exceptions WHERE state = 'open'"))


@pytest.fixture(scope="session")
async def books(
    postgres: PostgresServer,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Books]:
    """Told once; whoever changes something puts it back."""
    folder = tmp_path_factory.mktemp("audited")
    async with books_kept(postgres, template_database, folder) as kept:
        async with working(kept.settings, kept.world.temporal):
            await tell(kept)
        yield kept
