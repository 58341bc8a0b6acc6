"""The harness's worker: the product's own, with fail points around it.

Usage: python -m workers.local.prove.worker FOLDER
"""

import logging
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.worker import Interceptor

from workers.event_loop import run
from workers.local.prove.failpoints import (
    BoundaryInterceptor,
    BoundaryTransport,
    FailPoints,
    hook_commits,
)
from workers.settings import Settings, load_settings
from workers.wiring import Gateways, open_gateways
from workers.worker import QUEUES, Composition, run_worker


class FaultyComposition(Composition):
    def __init__(self, folder: Path) -> None:
        self._points = FailPoints(folder)

    def engine(self, settings: Settings) -> AsyncEngine:
        engine = super().engine(settings)
        hook_commits(engine, self._points)
        return engine

    def gateways(self, settings: Settings) -> AbstractAsyncContextManager[Gateways]:
        return open_gateways(settings, BoundaryTransport(self._points))

    def interceptors(self, engine: AsyncEngine | None) -> list[Interceptor]:
        return [BoundaryInterceptor(self._points), *super().interceptors(engine)]


def main(composition: type[FaultyComposition] = FaultyComposition) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    run(run_worker(load_settings(), QUEUES, composition(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
