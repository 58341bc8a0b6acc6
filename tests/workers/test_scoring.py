"""A second opinion is asked for once an order is paid; one that is away never loses an order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from activities.connectors.errors import NotSent
from activities.connectors.fraud.port import FraudScorer, Question
from db.engine import run
from tests.workers.conftest import a_world
from tests.workflows.conftest import World
from workers.local.postgres import PostgresServer
from workers.settings import Settings
from workers.wiring import activities_by_queue, open_gateways
from workers.worker import make_worker
from workflows.messages import ReleaseHold
from workflows.order import OrderWorkflow

# Nothing that our own rules find reaches it.
POLICY = {"review_from": 90}


class Scorer:
    """Says 95 of everything, unless it is away."""

    vendor = "scorer"

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[str] = []

    async def score(self, question: Question) -> int:
        self.asked.append(question.order_id)
        if self.is_away:
            raise NotSent(self.vendor, "the connection was refused")
        return 95


@asynccontextmanager
async def working(settings: Settings, world: World, scorer: FraudScorer) -> AsyncIterator[None]:
    """Our workers in this process, with a scorer among the vendors."""
    async with open_gateways(settings) as gateways:
        served = activities_by_queue(world.engine, replace(gateways, scorer=scorer))
        workers = [make_worker(world.temporal, queue, served[queue]) for queue in served]
        running = [asyncio.create_task(worker.run()) for worker in workers]
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in workers))
            await asyncio.gather(*running)


async def delivered(world: World, scorer: Scorer, *, is_held: bool) -> Any:
    """Place an order and follow it to its end, releasing its hold when there is one."""
    document = world.document((await world.sku(west=5), 1))
    order_id = f"shop-{document['external_id']}"
    timings = replace(world.timings, scorer_s=2.0)
    handle = await world.place(document, timings)
    await handle.execute_update(OrderWorkflow.admission)
    if is_held:
        await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", 1))
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    assert order_id in scorer.asked
    return await world.row("SELECT * FROM fraud_assessments WHERE order_id = :o", o=order_id)


async def test_an_order_goes_on_with_or_without_a_second_opinion(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> None:
    scorer = Scorer()
    async with a_world(postgres, template_database, tmp_path / "scored") as (world, settings):
        async with world.engine.begin() as tx:
            await run(
                tx, "UPDATE channels SET fraud_policy = CAST(:p AS jsonb)", p=json.dumps(POLICY)
            )
        async with working(settings, world, scorer):
            heard = await delivered(world, scorer, is_held=True)
            assert (heard.score, heard.scorer) == (95, "scorer")
            scorer.is_away = True
            unheard = await delivered(world, scorer, is_held=False)
            assert (unheard.scorer, unheard.score < 90) == (None, True)
