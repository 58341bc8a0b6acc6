"""Reconciliation's own database steps: beginning a look, and making tasks of its differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.reconciling import comparing, stuck
from activities.reconciling.books import LookAt
from activities.reconciling.stories import read_unfinished
from activities.reconciling.violation import Violation
from db.queries import audit
from db.queries import reconciliation as queries
from db.stores import reconciliation
from db.stores.reconciliation import Found

# Refunds and late slips come weeks after their payment.
WINDOW: Final = timedelta(days=30)


@dataclass(frozen=True)
class Began:
    """Since when books are read, and the moment the look began, by the database's clock."""

    since: datetime
    until: datetime


class TaskActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def begin_look(self, scope: str) -> Began:
        async with self._engine.begin() as tx:
            return Began(*await reconciliation.began(tx, scope, WINDOW))

    @activity.defn
    async def compare_books(self, look: LookAt) -> int:
        """Compare what was read of them; return how many differences are only suspected."""
        async with audit.snapshot(self._engine) as tx:
            lines = await reconciliation.lines(tx, look.look)
            found = await comparing.compare(tx, look, lines)
        return await self._record(look, found)

    @activity.defn
    async def compare_runs(self, look: LookAt) -> int:
        """Compare open orders with Temporal's runs, and look for what stands still."""
        async with audit.snapshot(self._engine) as tx:
            unfinished = await read_unfinished(tx)
            late = await queries.late_steps(tx, look.grace_s)
        found = await stuck.compare(activity.client(), unfinished, late)
        return await self._record(look, found)

    @activity.defn
    async def forget_lines(self, run: str) -> None:
        async with self._engine.begin() as tx:
            await reconciliation.forget_lines(tx, run)

    async def _record(self, look: LookAt, found: Sequence[Violation]) -> int:
        differences = [
            Found(each.rule, each.subject, each.detail, each.ours, each.theirs) for each in found
        ]
        async with self._engine.begin() as tx:
            return await reconciliation.record(tx, look.look, differences)
