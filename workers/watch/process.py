"""Puts together what a long-running process shows of itself, for as long as it runs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import REGISTRY, Gauge
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool
from temporalio.client import Client

from workers.schedules import schedules
from workers.settings import Settings
from workers.temporal import connect, measuring_runtime
from workers.watch.books import Books, watching_engine
from workers.watch.pulse import Pulse, keep_beating
from workers.watch.schedules import keep_looking
from workers.watch.server import serving
from workers.watch.tracing import Tracing, open_tracing

POOL_USED: Final = Gauge("oms_database_pool_used", "Connections that are in use.", ["pool"])
POOL_SIZE: Final = Gauge("oms_database_pool_size", "Connections that may be in use.", ["pool"])


@dataclass(frozen=True)
class Watch:
    settings: Settings
    pulse: Pulse
    tracing: Tracing | None

    async def connect(self) -> Client:
        """Connect to Temporal, so that what is said there is measured and traced."""
        interceptors = [] if self.tracing is None else [self.tracing.interceptor]
        runtime = measuring_runtime(self.settings)
        return await connect(self.settings, runtime=runtime, interceptors=interceptors)

    def pool(self, name: str, engine: AsyncEngine) -> None:
        """Show how much of an engine's pool is in use."""
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        POOL_USED.labels(name).set_function(pool.checkedout)
        POOL_SIZE.labels(name).set_function(pool.size)


@asynccontextmanager
async def open_watch(settings: Settings, service: str) -> AsyncIterator[Watch]:
    """Raises: UserError when something cannot listen where the settings say."""
    pulse = Pulse(settings.wedged_after_s)
    async with AsyncExitStack() as stack:
        tracing = await stack.enter_async_context(open_tracing(settings, service))
        if settings.metrics_port is not None:
            beating = asyncio.create_task(keep_beating(pulse))
            stack.callback(beating.cancel)
            await asyncio.sleep(0)  # its first beat
            stack.enter_context(
                serving(settings.metrics_host, settings.metrics_port, REGISTRY, pulse)
            )
        yield Watch(settings, pulse, tracing)


@contextmanager
def figures_shown(settings: Settings, temporal: Client) -> Iterator[None]:
    """Show what database and schedules say, which is the same in every process that does."""
    if settings.metrics_port is None:
        yield
        return
    engine = watching_engine(settings.require_database_url())
    books = Books(engine)
    REGISTRY.register(books)
    looking = asyncio.create_task(keep_looking(temporal, schedules(settings)))
    try:
        yield
    finally:
        looking.cancel()
        REGISTRY.unregister(books)
        engine.dispose()
