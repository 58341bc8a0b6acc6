"""Whether a process still does its work: every loop beats, and one that is silent is wedged.

Read from another thread than the loops', so that it can tell of an event loop that stands still.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge

EVENT_LOOP: Final = "event_loop"
BEAT_S: Final = 1.0

TURNS: Final = Counter("oms_loop_turns", "Turns of a loop of this process.", ["loop"])
SILENT: Final = Gauge("oms_loop_silent_seconds", "Since a loop of this process turned.", ["loop"])
LATE: Final = Gauge(
    "oms_event_loop_late_seconds", "How late this process's event loop was when it last turned."
)


class Pulse:
    def __init__(self, wedged_after_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._wedged_after_s = wedged_after_s
        self._now_s = now_s
        self._last: dict[str, float] = {}
        self._running: dict[str, Callable[[], bool]] = {}
        self._leaving = False

    def beater(self, loop: str) -> Callable[[], None]:
        """Watch a loop from now on; what is returned is to be called at each of its turns."""
        turns = TURNS.labels(loop)

        def beat() -> None:
            self._last[loop] = self._now_s()
            turns.inc()

        beat()
        SILENT.labels(loop).set_function(lambda: self.silent_s(loop))
        return beat

    def expect(self, name: str, is_running: Callable[[], bool]) -> None:
        """Watch something that runs by itself, such as the pollers of a task queue."""
        self._running[name] = is_running

    def leave(self) -> None:
        """From now on whatever ends, ends on purpose."""
        self._leaving = True

    def silent_s(self, loop: str) -> float:
        return max(0.0, self._now_s() - self._last[loop])

    def faults(self) -> list[str]:
        """Say of each loop that is wedged, and of all that has stopped, what it is."""
        if self._leaving:
            return []
        silent = {loop: self.silent_s(loop) for loop in list(self._last)}
        found = [
            f"{loop} has not turned for {seconds:.0f} s"
            for loop, seconds in silent.items()
            if seconds > self._wedged_after_s
        ]
        running = list(self._running.items())
        return found + [f"{name} has stopped" for name, is_running in running if not is_running()]


async def keep_beating(pulse: Pulse) -> None:
    """The event loop's own beat, until cancelled."""
    beat = pulse.beater(EVENT_LOOP)
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT_S
        await asyncio.sleep(BEAT_S)
        LATE.set(max(0.0, loop.time() - due))
        beat()
