"""Fail points: hooks around vendor calls, commits and activities that strike once a boundary.

They hang on the three places every activity passes through (the vendors' HTTP transport, the
engine's commit, the worker's interceptor), so a new activity has them without asking. The product
knows nothing of them: only the harness's own worker puts them in.
"""

import json
import os
import signal
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from workers.local.prove.boundaries import (
    AFTER_CALL,
    AFTER_RECORD,
    BEFORE_CALL,
    BEFORE_RECORD,
    OUTBOX,
    Boundary,
)

KILL: Final = "kill"  # the whole process dies
FAIL: Final = "fail"  # this attempt breaks off, as a lost connection would make it
# Vendors are called by activities, and by the outbox, which is none.
_running: ContextVar[str] = ContextVar("running", default=OUTBOX)


class BrokenOff(Exception):
    """The attempt ends here, for no reason of its own."""


class FailPoints:
    """What to do at which boundary; the folder remembers across processes where it was done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        plan: Mapping[str, str] = json.loads((folder / "plan.json").read_text())
        self._open = dict(plan)

    def strike(self, moment: str, error: Exception, *, name: str | None = None) -> None:
        """Die or raise `error` when this boundary is reached for the first time by anybody."""
        boundary = str(Boundary(name or _running.get(), moment))
        action = self._open.pop(boundary, None)
        if action is None or not self._claim(boundary):
            return
        if action == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        raise error

    def _claim(self, boundary: str) -> bool:
        try:
            os.close(os.open(self._folder / "hit" / boundary, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def lay_out(folder: Path, plan: Mapping[Boundary, str]) -> None:
    """Write the plan for the workers that will start."""
    (folder / "hit").mkdir(parents=True, exist_ok=True)
    named = {str(boundary): action for boundary, action in plan.items()}
    (folder / "plan.json").write_text(json.dumps(named, indent=1, sort_keys=True))


def struck(folder: Path) -> frozenset[str]:
    """The boundaries that were hit so far."""
    return frozenset(entry.name for entry in (folder / "hit").iterdir())


class BoundaryTransport(httpx.AsyncBaseTransport):
    """Every vendor call of every gateway passes here."""

    def __init__(self, points: FailPoints) -> None:
        self._points = points
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._points.strike(BEFORE_CALL, httpx.ConnectError("broken off before the call"))
        response = await self._network.handle_async_request(request)
        # The vendor has done it: only its answer is lost.
        await response.aread()
        self._points.strike(AFTER_CALL, httpx.ReadError("broken off after the call"))
        return response

    async def aclose(self) -> None:
        await self._network.aclose()


class BoundaryInterceptor(Interceptor):
    """Every activity, local or not, passes here."""

    def __init__(self, points: FailPoints) -> None:
        self._points = points

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Around(next, self._points)


class _Around(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, points: FailPoints) -> None:
        super().__init__(inner)
        self._points = points

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        _running.set(activity.info().activity_type)
        result = await super().execute_activity(input)
        self._points.strike(AFTER_RECORD, BrokenOff("broken off after the record"))
        return result


def hook_commits(engine: AsyncEngine, points: FailPoints) -> None:
    """Every transaction of every store passes here."""

    def committing(_: Any) -> None:
        points.strike(BEFORE_RECORD, OperationalError("COMMIT", None, BrokenOff("not committed")))

    event.listen(engine.sync_engine, "commit", committing)
