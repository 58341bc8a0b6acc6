"""Runs every reconciliation once now, on the workers, and reads the tasks that are open after."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from db.engine import make_engine
from db.queries.reconciliation import TaskFilter, list_tasks
from workers.errors import UserError
from workers.schedules import reconciliations
from workers.settings import Settings
from workers.temporal import connect
from workflows.messages import CORE_QUEUE, Reconcile
from workflows.watching import ReconciliationWorkflow

PAGE: Final = 200
# Without a worker nothing would ever answer.
PATIENCE: Final = timedelta(hours=1)


async def run_reconciliation(settings: Settings) -> list[dict[str, Any]]:
    """Return every open task.

    Raises: UserError when somebody's books could not be read.
    """
    engine = make_engine(settings.require_database_url(), pool_size=1)
    try:
        await reconcile(await connect(settings), reconciliations(settings))
        async with engine.connect() as tx:
            return await open_tasks(tx)
    finally:
        await engine.dispose()


async def reconcile(client: Client, wanted: Sequence[Reconcile]) -> None:
    """Run each and wait; one that was asked for a moment ago is waited for, not run twice.

    Raises: UserError.
    """
    await asyncio.gather(*(_run(client, what) for what in wanted))


async def _run(client: Client, what: Reconcile) -> None:
    try:
        await client.execute_workflow(
            ReconciliationWorkflow.run,
            what,
            id=f"reconcile-{what.scope.replace(':', '-')}-now",
            task_queue=CORE_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            execution_timeout=PATIENCE,
        )
    except WorkflowFailureError as failure:
        raise UserError(f"{what.scope} could not be reconciled: {_reason(failure)}") from None


def _reason(failure: BaseException) -> str:
    while failure.__cause__ is not None:
        failure = failure.__cause__
    return str(failure)


async def open_tasks(tx: AsyncConnection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["task_id"] if found else None
        page = await list_tasks(tx, TaskFilter(state="open"), after=after, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found
