"""Recovery: every open order gets its run back, from the database alone."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.exceptions import ExceptionActivities, Resolved
from activities.fulfillment import FulfillmentActivities
from activities.reconciling import runs
from db.engine import make_engine
from db.inbox import asked
from db.inbox import audit as audit_log
from db.inbox.audit import Change
from db.queries import audit
from domain.timings import Timings
from workers.actor import cli_actor
from workers.settings import Settings
from workers.starting import start_order, start_return
from workers.temporal import connect
from workflows.messages import OrderInput, fulfillment_workflow_id, order_workflow_id
from workflows.return_messages import ReturnInput, run_of_return

AT_ONCE: Final = 16
ACTOR: Final = "oms recover"


@dataclass(frozen=True)
class Recovered:
    """`running` were left alone; `held_back` still have a parcel's run, which must end first."""

    started: tuple[str, ...]
    running: int
    held_back: tuple[str, ...] = ()
    without_document: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()


async def run_recovery(
    settings: Settings, *, dry_run: bool, reason: str | None = None
) -> Recovered:
    """Start what does not run; with `dry_run`, say what would be started."""
    engine = make_engine(settings.require_database_url(), pool_size=AT_ONCE)
    try:
        timings = settings.timings
        recovery = Recovery(engine, await connect(settings), timings, reason)
        return await recovery.run(dry_run=dry_run)
    finally:
        await engine.dispose()


class Recovery:
    """Each step of a run first returns its own record, so a new run walks to where the old stood.

    Started twice, or beside the inbox loop, nothing more happens: a workflow id runs once.
    """

    def __init__(
        self, engine: AsyncEngine, client: Client, timings: Timings, reason: str | None = None
    ) -> None:
        self._engine = engine
        self._client = client
        self._timings = timings
        self._reason = reason
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, *, dry_run: bool = False) -> Recovered:
        async with audit.snapshot(self._engine) as tx:
            orders = await audit.open_orders(tx)
            placed = await audit.waiting_documents(tx)
            parcels = await audit.open_parcels(tx)
            exceptions = await audit.open_exceptions(tx)
            returns = await audit.open_returns(tx)
        known = {order.order_id: order for order in (*placed, *orders)}
        lost = await self._without_run(known.values())
        busy = await self._with_parcel(lost, parcels)
        readable = [order for order in lost if order.inbox_id is not None]
        to_start = [order for order in readable if order.order_id not in busy]
        lost_returns = await self._returns_without_run(returns)
        started = [True] * len(to_start)
        if not dry_run:
            await self._forget({order.order_id for order in to_start}, exceptions)
            await self._stop_cancelled({order.order_id for order in to_start})
            started = await asyncio.gather(*(self._start(order) for order in to_start))
            await self._forget_returns(lost_returns, exceptions)
            await asyncio.gather(*(self._start_return(back) for back in lost_returns))
        return Recovered(
            started=tuple(o.order_id for o, did in zip(to_start, started, strict=True) if did),
            running=len(known) - len(lost),
            held_back=tuple(order.order_id for order in readable if order.order_id in busy),
            without_document=tuple(order.order_id for order in lost if order.inbox_id is None),
            returns=tuple(back.rma for back in lost_returns),
        )

    async def _without_run(self, orders: Iterable[Any]) -> list[Any]:
        ids = {order_workflow_id(order.order_id): order for order in orders}
        listed = await runs.running_ids(self._client)
        return [ids[each] for each in await runs.not_running(self._client, ids, listed)]

    async def _with_parcel(self, lost: list[Any], parcels: Iterable[Any]) -> set[str]:
        """Say whose parcels run on without their order: a second run of them cannot be started."""
        wanted = {order.order_id for order in lost}
        ids = {
            fulfillment_workflow_id(part.order_id, part.number): part.order_id
            for part in parcels
            if part.order_id in wanted
        }
        absent = await runs.not_running(self._client, ids, set())
        return {order_id for workflow_id, order_id in ids.items() if workflow_id not in absent}

    async def _returns_without_run(self, returns: Iterable[Any]) -> list[Any]:
        """Leave out those whose exchange still has a run: a second of it cannot be started."""
        ids = {run_of_return(back.rma): back for back in returns}
        lost = [ids[each] for each in await runs.not_running(self._client, ids, set())]
        parcels = {
            fulfillment_workflow_id(back.order_id, back.parcel): back.rma
            for back in lost
            if back.parcel is not None
        }
        absent = await runs.not_running(self._client, parcels, set())
        busy = {rma for workflow_id, rma in parcels.items() if workflow_id not in absent}
        return [back for back in lost if back.rma not in busy]

    async def _start_return(self, back: Any) -> None:
        about = ReturnInput(back.rma, back.order_id, back.channel, self._timings)
        async with self._slots:
            await self._write_down(back.rma, "ReturnRunStarted")
            await start_return(self._client, about)

    async def _forget_returns(self, returns: Iterable[Any], exceptions: Iterable[Any]) -> None:
        lost = {run_of_return(back.rma) for back in returns}
        await self._moot(each for each in exceptions if each.workflow_id in lost)

    async def _forget(self, order_ids: set[str], exceptions: Iterable[Any]) -> None:
        """End the lost runs' exceptions: nobody listens to their resolution any more.

        What is still wrong is raised anew by the new run.
        """
        await self._moot(
            each
            for each in exceptions
            if each.order_id in order_ids and "/r/" not in each.workflow_id
        )

    async def _moot(self, exceptions: Iterable[Any]) -> None:
        desk = ExceptionActivities(self._engine)
        for exception in exceptions:
            await desk.resolve_exception(
                Resolved(
                    exception.exception_id,
                    exception.order_id,
                    "moot",
                    ACTOR,
                    "the run that asked was lost",
                )
            )

    async def _stop_cancelled(self, order_ids: set[str]) -> None:
        """What a lost run was to cancel must not leave before the next one hears of it."""
        async with self._engine.begin() as tx:
            waiting = await asked.tell_again(tx)
        parcels = FulfillmentActivities(self._engine)
        for order_id in order_ids & waiting:
            await parcels.request_cancellation(order_id)

    async def _start(self, order: Any) -> bool:
        """False when the order was closed meanwhile: there is nothing to start."""
        about = OrderInput(order.order_id, order.inbox_id, order.channel, self._timings)
        async with self._slots:
            await self._write_down(order.order_id)
            try:
                await start_order(
                    self._client, about, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
                )
            except WorkflowAlreadyStartedError:
                if not await self._is_open(order):
                    return False
                await start_order(self._client, about, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
            return True

    async def _write_down(self, subject: str, action: str = "OrderRunStarted") -> None:
        change = Change({"run": "lost"}, {"run": "started"}, self._reason)
        async with self._engine.begin() as tx:
            await audit_log.record(tx, cli_actor(), action, subject, change)

    async def _is_open(self, order: Any) -> bool:
        async with self._engine.connect() as tx:
            return await audit.is_unfinished(tx, order.order_id, order.inbox_id)
