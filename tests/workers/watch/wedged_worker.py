"""A worker whose event loop, or whose outbox loop, stops turning when it is told to."""

import asyncio
import signal
import sys
import time

from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from workers.logs import settings_and_log
from workers.outbox import OutboxLoop
from workers.settings import Settings
from workers.worker import QUEUES, Composition, run_worker

FOR_GOOD_S = 3_600


class WedgedComposition(Composition):
    def engine(self, settings: Settings) -> AsyncEngine:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, time.sleep, FOR_GOOD_S)
        return make_engine(settings.require_database_url())


async def _for_good(_: OutboxLoop) -> int:
    await asyncio.sleep(FOR_GOOD_S)
    return 0


if __name__ == "__main__":
    if "outbox" in sys.argv:
        OutboxLoop.work_once = _for_good  # type: ignore[method-assign]
    asyncio.run(run_worker(settings_and_log(), QUEUES, WedgedComposition()))
