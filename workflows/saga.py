"""What must be undone when an order ends early: newest first, each undo repeatable."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


async def to_the_end(work: Coroutine[Any, Any, R]) -> R:
    """Do work that a cancellation must not break off: an undo half done helps nobody."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()


class Saga:
    """An undo is registered before its do, because a do may have happened though it failed."""

    def __init__(self) -> None:
        self._undos: list[Callable[[], Awaitable[None]]] = []

    def add(self, undo: Callable[[], Awaitable[None]]) -> None:
        self._undos.append(undo)

    async def compensate(self) -> None:
        while self._undos:
            await self._undos[-1]()
            self._undos.pop()

    def dismiss(self) -> None:
        """Nothing is to be undone any more: what was done belongs to somebody else now."""
        self._undos.clear()
