"""The event loop of long-running processes and of those that speak to them in crowds."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

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
