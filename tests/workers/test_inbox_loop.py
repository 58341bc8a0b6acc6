"""Orders are started at a pace; what cannot be started, or is never admitted, holds up no other."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.service import RPCError, RPCStatusCode

from db.engine import rows, run
from db.inbox.orders import commit_order
from domain.timings import Timings
from workers.inbox import AWAY_S, MOST_UNADMITTED, MOST_WITH_A_PLACE, InboxLoop

PATIENCE_S = 10.0


class Temporal:
    """Starts runs in which nothing happens; or is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.started: list[str] = []

    async def start_workflow(self, *_: Any, id: str, **__: Any) -> None:  # noqa: A002 - as theirs
        if self.is_away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        self.started.append(id)


def loop_of(engine: AsyncEngine, temporal: Temporal) -> InboxLoop:
    return InboxLoop(engine, temporal, Timings())  # type: ignore[arg-type]


async def placed(engine: AsyncEngine, *names: str) -> None:
    async with engine.begin() as tx:
        for name in names:
            document = {"external_id": name}
            await commit_order(tx, document, channel="shop", external_id=name, deferred=True)


async def change(engine: AsyncEngine, assignments: str) -> None:
    async with engine.begin() as tx:
        await run(tx, f"UPDATE inbox SET {assignments}")


async def all_tried(loop: InboxLoop) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await loop.work_once():
            pass


async def test_what_is_started_and_not_admitted_yet_makes_others_wait(
    fresh_engine: AsyncEngine,
) -> None:
    temporal = Temporal()
    loop = loop_of(fresh_engine, temporal)
    await placed(fresh_engine, *(f"n{number}" for number in range(MOST_UNADMITTED)))
    await all_tried(loop)
    assert len(temporal.started) == MOST_UNADMITTED
    await change(fresh_engine, "next_attempt_at = now() + interval '1 minute'")
    await placed(fresh_engine, "late")
    assert await loop.work_once() == 1  # there is more, and no room for it
    assert "order-shop-late" not in temporal.started


async def test_orders_that_came_while_temporal_was_away_are_started_once_it_is_back(
    fresh_engine: AsyncEngine,
) -> None:
    temporal = Temporal()
    temporal.is_away = True
    loop = loop_of(fresh_engine, temporal)
    kept = [f"n{number}" for number in range(MOST_UNADMITTED + 5)]
    await placed(fresh_engine, *kept)
    for _ in range(3):
        await all_tried(loop)
        await change(fresh_engine, "next_attempt_at = now()")
    await all_tried(loop)
    temporal.is_away = False
    await placed(fresh_engine, "new")
    await all_tried(loop)
    assert temporal.started == ["order-shop-new"]
    async with fresh_engine.connect() as tx:
        (waiting,) = await rows(
            tx,
            "SELECT count(*) AS n, max(next_attempt_at) - now() AS wait FROM inbox"
            " WHERE attempts = 0",
        )
    assert waiting.n == len(kept)
    assert waiting.wait.total_seconds() <= AWAY_S


async def test_what_is_never_admitted_makes_nobody_wait_for_ever(
    fresh_engine: AsyncEngine,
) -> None:
    temporal = Temporal()
    loop = loop_of(fresh_engine, temporal)
    await placed(fresh_engine, *(f"n{number}" for number in range(MOST_UNADMITTED)))
    for _ in range(MOST_WITH_A_PLACE + 1):
        await all_tried(loop)
        await change(fresh_engine, "next_attempt_at = now()")
    await all_tried(loop)
    await placed(fresh_engine, "late")
    await all_tried(loop)
    assert temporal.started[-1] == "order-shop-late"
