"""How a loop over a table waits: woken by the table's notices, and now and then by itself."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import is_away

# A notice may be lost with its connection, and retries become due without one.
SWEEP_S: Final = 2.0
AFTER_FAILURE_S: Final = 2.0
# Notices come in bursts, one for every row, to every worker: one look serves all that came by then.
GATHERED_S: Final = 0.1
log = logging.getLogger(__name__)


class TableLoop(ABC):
    """Works off a table's waiting rows until told to stop."""

    def __init__(self, engine: AsyncEngine, table: str) -> None:
        self._engine = engine
        self.table = table
        self._wake = asyncio.Event()
        # Called at each turn: whoever watches the loop puts himself here.
        self.turned: Callable[[], None] = lambda: None

    @abstractmethod
    async def work_once(self) -> int:
        """Work off some rows; return 0 when no more are due now."""

    async def run(self, stop: asyncio.Event) -> None:
        listening = asyncio.create_task(self._listen(stop))
        try:
            while not stop.is_set():
                self._wake.clear()
                self.turned()
                try:
                    worked = await self.work_once()
                except (DBAPIError, PoolTimeout) as error:
                    if not is_away(error):
                        raise
                    why = getattr(error, "orig", error)
                    log.warning("%s: the database is away: %s", self.table, why)
                    worked = 0
                    await self._pause(stop, AFTER_FAILURE_S)
                if not worked:
                    await self._pause(stop, SWEEP_S)
        finally:
            listening.cancel()

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(stop.wait()), asyncio.create_task(self._wake.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self._wake.is_set():
            await asyncio.sleep(GATHERED_S)

    async def _listen(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._listen_once()
            except (DBAPIError, PoolTimeout, psycopg.Error) as error:
                log.warning("%s: notices are lost for a moment: %s", self.table, error)
                await asyncio.sleep(AFTER_FAILURE_S)

    async def _listen_once(self) -> None:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.text(f"LISTEN {self.table}"))
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert isinstance(driver, psycopg.AsyncConnection)
            async for _ in driver.notifies():
                self._wake.set()
