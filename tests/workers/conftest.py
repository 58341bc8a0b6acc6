"""A stack of the audit's own: one database, one Temporal, one sandbox, and some orders' stories."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from activities.setting_up import upsert_catalog
from db.engine import make_engine
from domain.timings import Timings
from tests.workflows.conftest import SETUP, World, sandbox_url
from workers.auditing import Audit
from workers.audit.vendors import ledger_of
from workers.inbox import InboxLoop
from workers.local.postgres import PostgresServer
from workers.local.temporal import TemporalServer
from workers.schedules import register_search_attributes
from workers.settings import Settings
from workers.temporal import connect
from workers.wiring import activities_by_queue, open_gateways
from workers.worker import make_worker
from workflows.messages import CancelOrder
from workflows.order import OrderWorkflow

__all__ = ["sandbox_url"]
TIME_FACTOR = 200_000.0


@dataclass
class Books:
    """The world, what audits it, and the orders in it by the name of their story."""

    world: World
    settings: Settings
    audit: Audit
    orders: dict[str, str] = field(default_factory=dict)

    async def found(self) -> set[tuple[str, str]]:
        return {(each.rule, each.subject) for each in await self.audit.run(pause_s=0.2)}


@asynccontextmanager
async def working(settings: Settings, client: Client) -> AsyncIterator[None]:
    """Our workers, in this process."""
    engine = make_engine(settings.require_database_url())
    timings = Timings().scaled(TIME_FACTOR)
    async with open_gateways(settings) as gateways:
        served = activities_by_queue(engine, gateways)
        workers = [make_worker(client, queue, served[queue]) for queue in served]
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
async def books_kept(
    postgres: PostgresServer, template: str, sandbox: str, folder: Path, name: str
) -> AsyncIterator[Books]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            TemporalServer(folder, durable=False, headless=True)
        )
        settings = Settings(
            database_url=await postgres.create_database(name, template=template),
            temporal_address=server.address,
            stripe_url=f"{sandbox}/stripe",
            stripe_key="sk_sandbox",
            easypost_url=f"{sandbox}/easypost",
            easypost_key="EZSANDBOX",
            time_factor=TIME_FACTOR,
        )
        client = await connect(settings)
        await register_search_attributes(client)
        engine = make_engine(settings.require_database_url())
        stack.push_async_callback(engine.dispose)
        async with engine.begin() as tx:
            await upsert_catalog(tx, SETUP)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=sandbox))
        gateways = await stack.enter_async_context(open_gateways(settings))
        world = World(engine, client, http, Timings().scaled(TIME_FACTOR))
        audit = Audit(engine, client, ledger_of(settings, gateways), settings.shopify_channel)
        yield Books(world, settings, audit)


async def tell(books: Books) -> None:
    """Run one order to each kind of end, and leave some in their middle."""
    world = books.world
    credit = {"code": "GIFT", "currency": "USD", "balance_minor": 5_000}
    async with world.engine.begin() as tx:
        await upsert_catalog(tx, {"store_credits": [credit]})

    async def place(name: str, *lines: tuple[str, int], **changes: Any) -> dict[str, Any]:
        document = world.document(*lines, **changes)
        books.orders[name] = f"shop-{document['external_id']}"
        handle = await world.place(document, changes.pop("timings", None))
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


@pytest.fixture(scope="session")
async def books(
    postgres: PostgresServer,
    template_database: str,
    sandbox_url: str,  # noqa: F811 - the fixture of that name
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Books]:
    """Told once; whoever changes something puts it back."""
    folder = tmp_path_factory.mktemp("audited")
    async with books_kept(postgres, template_database, sandbox_url, folder, "audited") as kept:
        async with working(kept.settings, kept.world.temporal):
            await tell(kept)
        yield kept
