"""Watches the parts of a stack, and starts again what dies."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from workers.errors import UserError
from workers.local.parts import Part, PythonPart

WATCH_S = 0.1
FIRST_BACKOFF_S = 0.2
LAST_BACKOFF_S: Final = 10.0
# A part that lived this long has recovered; its next death is the first again.
HEALTHY_S = 30.0

Report = Callable[[str], None]


class Supervisor:
    """Restarts with a growing pause; a held part stays down until somebody starts it."""

    def __init__(
        self, report: Report, changed: Callable[[], None], last_backoff_s: float = LAST_BACKOFF_S
    ) -> None:
        self._report = report
        self._last_backoff_s = last_backoff_s
        self._changed = changed
        self._parts: dict[str, Part] = {}
        self._held: set[str] = set()
        self._began: dict[str, float] = {}
        self._backoff_s: dict[str, float] = {}
        self._restarts: dict[str, asyncio.Task[None]] = {}
        self._watcher: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._watcher = asyncio.create_task(self._watch(), name="oms-supervisor")

    async def end(self) -> None:
        """Stop watching; parts that are just being started again are left for `stop`."""
        tasks = [task for task in (self._watcher, *self._restarts.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watcher = None
        self._restarts.clear()

    def adopt(self, part: Part) -> None:
        """From now on it is watched."""
        self._parts[part.name] = part
        self._began[part.name] = time.monotonic()
        self._held.discard(part.name)

    def named(self, name: str) -> list[Part]:
        """The part, or all of a kind: `worker` means worker-1, worker-2 and so on."""
        found = [
            part
            for own, part in self._parts.items()
            if own == name or own.rpartition("-")[0] == name
        ]
        if not found:
            raise UserError(f"the stack has no part {name}")
        return found

    async def kill(self, name: str, *, hold: bool = False) -> None:
        """SIGKILL, as a fault would; with `hold` it stays dead until `restart`."""
        for part in self.named(name):
            if hold:
                self._held.add(part.name)
            if part.child is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(part.child.pid, signal.SIGKILL)
                await asyncio.to_thread(part.child.wait)

    async def restart(self, name: str) -> None:
        """Stop what still runs, start, and return when it is ready."""
        for part in self.named(name):
            await self._restart(part)

    async def redeploy(self, name: str, words: Sequence[str]) -> None:
        """Restart each of a kind with other words, one after the other."""
        for part in self.named(name):
            assert isinstance(part, PythonPart)
            part.words = words
            await self._restart(part)

    async def _restart(self, part: Part) -> None:
        self._held.add(part.name)
        running = self._restarts.pop(part.name, None)
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await part.stop()
        await part.start()
        self.adopt(part)
        self._changed()

    async def _watch(self) -> None:
        while True:
            for name, part in self._parts.items():
                if name in self._held or name in self._restarts or part.child is None:
                    continue
                if part.child.poll() is not None:
                    self._restarts[name] = asyncio.create_task(self._revive(part))
            await asyncio.sleep(WATCH_S)

    async def _revive(self, part: Part) -> None:
        lived_s = time.monotonic() - self._began[part.name]
        pause_s = FIRST_BACKOFF_S if lived_s > HEALTHY_S else self._backoff_s.get(part.name, 0.0)
        while True:
            pause_s = pause_s or FIRST_BACKOFF_S
            status = None if part.child is None else part.child.poll()
            self._report(f"{part.name} ended ({_spell(status)}); starting again in {pause_s:.1f} s")
            await asyncio.sleep(pause_s)
            pause_s = self._backoff_s[part.name] = min(pause_s * 2, self._last_backoff_s)
            try:
                await part.start()
            except UserError as error:
                self._report(str(error))
                await part.stop()
                continue
            self._began[part.name] = time.monotonic()
            self._restarts.pop(part.name, None)
            self._changed()
            self._report(f"{part.name} runs again")
            return


def _spell(status: int | None) -> str:
    if status is None:
        return "did not start"
    return f"signal {-status}" if status < 0 else f"status {status}"
