"""Makes what was promised for later happen: sleeps until the next due event, survives a kill."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from sandbox.clock import Clock
from sandbox.store import Store, Tx

BATCH: Final = 100  # events of one transaction; more would keep requests waiting
LONGEST_SLEEP_S: Final = 60.0

Effect = Callable[[Tx, str], None]
log = logging.getLogger("sandbox.schedule")


class Schedule:
    """Effects by kind; an effect and its removal from the queue are one transaction."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        effects: Mapping[str, Effect],
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._effects = effects
        self._on_change = on_change
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            if self._happen():
                self._on_change()
                await asyncio.sleep(0)
                continue
            try:
                async with asyncio.timeout(self._idle_s()):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _happen(self) -> bool:
        """Apply what is due now; true when something was."""
        with self._store.transaction() as tx:
            rows = tx.db.execute(
                "SELECT seq, kind, subject FROM due WHERE at <= ? ORDER BY at, seq LIMIT ?",
                (tx.now, BATCH),
            ).fetchall()
            for row in rows:
                self._apply(tx, row["kind"], row["subject"])
            tx.db.executemany("DELETE FROM due WHERE seq=?", [(row["seq"],) for row in rows])
        return bool(rows)

    def _apply(self, tx: Tx, kind: str, subject: str) -> None:
        """One effect that cannot happen must not hold up the others."""
        try:
            with tx.undone_on(Exception):
                self._effects[kind](tx, subject)
        except Exception:
            log.exception("dropped: %s of %s", kind, subject)

    def _idle_s(self) -> float:
        next_at: float | None = self._store.rows("SELECT min(at) AS at FROM due")[0]["at"]
        if next_at is None:
            return LONGEST_SLEEP_S
        return min(max(next_at - self._clock.now(), 0.0), LONGEST_SLEEP_S)
