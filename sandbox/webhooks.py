"""Delivers signed webhooks until the receiver says 2xx: a persisted queue with retries."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.post import Post
from sandbox.store import Store

CONCURRENT: Final = 16
LEASE_S: Final = 30.0  # longer than a delivery may take: nobody else picks it up meanwhile
RETRY_S: Final = (0.5, 1.0, 2.0)  # the last repeats
PATIENCE: Final = 30  # after so many refusals the receiver means it
TIRED_RETRY_S: Final = 10.0
LONGEST_SLEEP_S: Final = 60.0
OK: Final = range(200, 300)

Sign = Callable[[str, str, bytes, float], Mapping[str, str]]
log = logging.getLogger("sandbox.webhooks")


class Courier:
    """One loop that hands due deliveries to at most CONCURRENT tasks."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        faults: Faults,
        sign: Mapping[str, Sign],
        post: Post | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._sign = sign
        self._post = post
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._unreachable_until = 0.0

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        if self._post is None:
            return
        self._release_leases()
        while True:
            self._woken.clear()
            for row in self._claim(CONCURRENT - len(self._running)):
                task = asyncio.create_task(self._deliver(self._post, row))
                self._running.add(task)
                task.add_done_callback(self._finished)
            await self._rest()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._woken.set()
        if not task.cancelled() and task.exception():
            log.error("a delivery failed", exc_info=task.exception())

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._idle_s()):
                await self._woken.wait()
        except TimeoutError:
            return

    def _idle_s(self) -> float:
        if len(self._running) >= CONCURRENT:
            return LONGEST_SLEEP_S
        next_at: float | None = self._store.rows(
            "SELECT min(next_at) AS at FROM deliveries WHERE next_at IS NOT NULL"
        )[0]["at"]
        if next_at is None:
            return LONGEST_SLEEP_S
        wait_s = max(next_at, self._unreachable_until) - self._clock.now()
        return min(max(wait_s, 0.001), LONGEST_SLEEP_S)

    def _release_leases(self) -> None:
        """What a killed process had in its hands is due at once."""
        with self._store.transaction() as tx:
            tx.db.execute("UPDATE deliveries SET next_at=? WHERE next_at > ?", (tx.now, tx.now))

    def _claim(self, room: int) -> list[dict[str, Any]]:
        now = self._clock.now()
        if room <= 0:
            return []
        if now < self._unreachable_until:
            return []
        rows = self._store.rows(
            "SELECT seq, vendor, event, topic, body, attempts FROM deliveries"
            " WHERE next_at <= ? ORDER BY next_at, seq LIMIT ?",
            (now, 1 if self._unreachable_until else room),
        )
        if rows:
            with self._store.transaction() as tx:
                tx.db.executemany(
                    "UPDATE deliveries SET next_at=?, attempts=attempts+1 WHERE seq=?",
                    [(now + LEASE_S, row["seq"]) for row in rows],
                )
        return [dict(row) for row in rows if not self._postponed(row)]

    def _postponed(self, row: Mapping[str, Any]) -> bool:
        """Apply a webhook fault at the first attempt; true when this attempt waits."""
        fault = None if row["attempts"] else self._faults.take_webhook(row["vendor"], row["topic"])
        if fault is None:
            return False
        with self._store.transaction() as tx:
            if fault.kind == "webhook_delay":
                later = tx.now + fault.seconds
                tx.db.execute("UPDATE deliveries SET next_at=? WHERE seq=?", (later, row["seq"]))
                return True
            tx.db.execute(
                "INSERT INTO deliveries (vendor, event, topic, body, created, attempts, next_at)"
                " VALUES (?,?,?,?,?,1,?)",
                (row["vendor"], row["event"], row["topic"], row["body"], tx.now, tx.now),
            )
        return False

    async def _deliver(self, post: Post, row: Mapping[str, Any]) -> None:
        body = row["body"].encode()
        headers = self._sign[row["vendor"]](row["event"], row["topic"], body, self._clock.now())
        try:
            status = await post(f"/webhooks/{row['vendor']}", headers, body)
        except (OSError, EOFError, ValueError) as error:
            # Nobody there: one probe at a time, not a thousand, until somebody answers.
            self._unreachable_until = self._clock.now() + RETRY_S[1]
            self._retry(row, type(error).__name__)
            return
        self._unreachable_until = 0.0
        if status in OK:
            self._done(row)
        else:
            self._retry(row, f"HTTP {status}")

    def _done(self, row: Mapping[str, Any]) -> None:
        with self._store.transaction() as tx:
            tx.db.execute(
                "UPDATE deliveries SET next_at=NULL, delivered_at=?, last_error=NULL WHERE seq=?",
                (tx.now, row["seq"]),
            )

    def _retry(self, row: Mapping[str, Any], reason: str) -> None:
        attempts = row["attempts"]
        wait_s = TIRED_RETRY_S if attempts > PATIENCE else RETRY_S[min(attempts, len(RETRY_S) - 1)]
        with self._store.transaction() as tx:
            tx.db.execute(
                "UPDATE deliveries SET next_at=?, last_error=? WHERE seq=?",
                (tx.now + wait_s, reason, row["seq"]),
            )
