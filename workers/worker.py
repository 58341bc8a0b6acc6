"""A worker process: the queues it serves, and the two loops that need no workflow."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig

from activities.delivery import Delivery
from activities.failures import FailureInterceptor
from db.engine import make_engine
from workers.credentials import with_stored_credentials
from workers.errors import UserError
from workers.inbox import InboxLoop
from workers.outbox import CONNECTIONS, OutboxLoop, open_ways
from workers.settings import Settings
from workers.temporal import WORKFLOWS, workflow_runner
from workers.watch.process import Watch, open_watch
from workers.watch.vendors import watch_gateways
from workers.wiring import Gateways, activities_by_queue, addressees, open_gateways
from workflows.messages import CORE_QUEUE
from workflows.steps.call import CARRIERS_QUEUE, CHANNELS_QUEUE, PAYMENTS_QUEUE

QUEUES: Final = (CORE_QUEUE, PAYMENTS_QUEUE, CARRIERS_QUEUE, CHANNELS_QUEUE)
# Replays are CPU-bound and must each end within two seconds: a few at a time.
WORKFLOW_TASKS: Final = 8
LOCAL_ACTIVITIES: Final = 16
VENDOR_CALLS: Final = 16
# What a vendor lets one account do, a second, over all workers of the queue.
CALLS_PER_S: Final = {PAYMENTS_QUEUE: 80.0, CARRIERS_QUEUE: 80.0, CHANNELS_QUEUE: 10.0}
GRACE: Final = timedelta(seconds=10)


class Composition:
    """What a worker is made of. The fault harness makes one of its own, with faults added."""

    workflows: Sequence[type[Any]] = WORKFLOWS

    def engine(self, settings: Settings) -> AsyncEngine:
        return make_engine(settings.require_database_url())

    def gateways(self, settings: Settings) -> AbstractAsyncContextManager[Gateways]:
        return open_gateways(settings)

    def interceptors(self, engine: AsyncEngine | None) -> list[Interceptor]:
        return [FailureInterceptor(engine)]

    def activities(
        self, engine: AsyncEngine, gateways: Gateways, settings: Settings
    ) -> dict[str, list[Callable[..., Any]]]:
        """By queue."""
        return activities_by_queue(engine, gateways, addressees(settings))


@dataclass(frozen=True)
class Manner:
    """How stories run: inside Temporal's sandbox or not, and as which deployed version."""

    sandboxed: bool = True
    version: WorkerDeploymentVersion | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Manner":
        build = settings.build_id
        version = WorkerDeploymentVersion(settings.deployment_name, build) if build else None
        return cls(settings.workflow_sandbox, version)

    def deployment(self) -> WorkerDeploymentConfig | None:
        """Open orders move to the version that is current: they outlive any single one."""
        if self.version is None:
            return None
        return WorkerDeploymentConfig(
            self.version,
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        )


def make_worker(
    client: Client,
    queue: str,
    activities: Sequence[Callable[..., Any]],
    *,
    manner: Manner | None = None,
    composition: Composition | None = None,
    engine: AsyncEngine | None = None,
) -> Worker:
    """Build the worker of one queue; workflows run on the core queue only.

    `engine`: where the words of failures are kept, which never go to Temporal.
    """
    core = queue == CORE_QUEUE
    made_of = composition or Composition()
    runs = manner or Manner()
    return Worker(
        client,
        task_queue=queue,
        workflows=made_of.workflows if core else [],
        activities=activities,
        workflow_runner=workflow_runner(sandboxed=runs.sandboxed),
        interceptors=made_of.interceptors(engine),
        max_concurrent_workflow_tasks=WORKFLOW_TASKS if core else None,
        max_concurrent_local_activities=LOCAL_ACTIVITIES if core else None,
        max_concurrent_activities=VENDOR_CALLS,
        max_task_queue_activities_per_second=CALLS_PER_S.get(queue),
        disable_eager_activity_execution=not core,
        graceful_shutdown_timeout=GRACE,
        deployment_config=runs.deployment(),
    )


async def run_worker(
    settings: Settings, queues: Sequence[str], composition: Composition | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs."""
    unknown = set(queues) - set(QUEUES)
    if unknown:
        raise UserError(f"unknown queues {sorted(unknown)}; known are {', '.join(QUEUES)}")
    settings.not_ready_yet()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with open_watch(settings, "cauce-worker") as watch:
        await _work(settings, queues, composition or Composition(), watch, stop)


async def _work(
    settings: Settings,
    queues: Sequence[str],
    made_of: Composition,
    watch: Watch,
    stop: asyncio.Event,
) -> None:
    engine = made_of.engine(settings)
    watch.pool("activities", engine)
    client = await watch.connect()
    try:
        settings = await with_stored_credentials(settings, engine)
        async with made_of.gateways(settings) as gateways, AsyncExitStack() as stack:
            watch_gateways(gateways, watch.tracing)
            served = made_of.activities(engine, gateways, settings)
            workers = [
                make_worker(
                    client,
                    queue,
                    served[queue],
                    manner=Manner.of(settings),
                    composition=made_of,
                    engine=engine,
                )
                for queue in queues
            ]
            loops: list[InboxLoop | OutboxLoop] = []
            if CORE_QUEUE in queues:
                loops.append(InboxLoop(engine, client, settings.timings))
            if CHANNELS_QUEUE in queues:
                loops.append(await stack.enter_async_context(_outbox(settings, gateways, watch)))
            await _serve(settings, workers, loops, watch, stop)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _outbox(
    settings: Settings, gateways: Gateways, watch: Watch
) -> AsyncIterator[OutboxLoop]:
    """Its turns hold connections while others are told: it has its own, and takes nobody's."""
    engine = make_engine(settings.require_database_url(), pool_size=CONNECTIONS)
    watch.pool("outbox", engine)
    try:
        async with open_ways(engine, settings, gateways.channels) as ways:
            yield OutboxLoop(engine, Delivery(engine, ways))
    finally:
        await engine.dispose()


async def _serve(
    settings: Settings,
    workers: Sequence[Worker],
    loops: Sequence[InboxLoop | OutboxLoop],
    watch: Watch,
    stop: asyncio.Event,
) -> None:
    """Run all parts together; one that fails ends the process, and the supervisor starts anew."""
    async with asyncio.TaskGroup() as group:
        for each in loops:
            each.turned = watch.pulse.beater(each.table)
        running = [group.create_task(worker.run()) for worker in workers]
        running_loops = [group.create_task(each.run(stop)) for each in loops]
        for worker, task in zip(workers, running, strict=True):
            watch.pulse.expect(f"polling of {worker.task_queue}", partial(_polls, worker, task))
        settings.announce_ready()
        await stop.wait()
        watch.pulse.leave()
        settings.not_ready_yet()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        await asyncio.gather(*running, *running_loops)


def _polls(worker: Worker, running: asyncio.Task[None]) -> bool:
    return not (running.done() or worker.is_shutdown)
