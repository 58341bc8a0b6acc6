"""The event loop of long-running processes and of those that speak to them in crowds."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
TERMINATED: Final = 128 + signal.SIGTERM

try:
    import uvloop
except ImportError:  # there is none for Windows
    _make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
else:
    _make_loop = uvloop.new_event_loop


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on the faster loop where there is one."""
    with asyncio.Runner(loop_factory=_make_loop) as runner:
        return runner.run(main)


def run_until_told(main: Coroutine[Any, Any, T]) -> T:
    """As `run`; SIGTERM and SIGHUP, too, let `main` stop what it started, as Ctrl-C does.

    Raises: SystemExit, when one of them came.
    """

    async def watched() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for sign in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(sign, task.cancel)
        return await main

    try:
        return run(watched())
    except asyncio.CancelledError:
        raise SystemExit(TERMINATED) from None
