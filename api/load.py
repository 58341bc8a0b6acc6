"""Bounds how many requests are worked on at once; one that would wait too long is sent away.

Probes always get in: a supervisor must not kill a process because it is busy.
"""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Kind, Problem

PROBES: Final = frozenset({"/health", "/ready"})


class InFlight:
    def __init__(self, app: ASGIApp, most: int, wait_s: float) -> None:
        self._app = app
        self._slots = asyncio.Semaphore(most)
        self._most_waiting = most  # one more behind each at work
        self._wait_s = wait_s
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
        elif await self._gets_in():
            try:
                await self._app(scope, receive, send)
            finally:
                self._slots.release()
        else:
            problem = Problem(Kind.OVERLOADED, "too many requests are under way; nothing was taken")
            await problem.response()(scope, receive, send)

    async def _gets_in(self) -> bool:
        if self._waiting >= self._most_waiting:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting -= 1
