"""Repeating what may have happened: inside the vendor's window by its key, after it by looking."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

StateT = TypeVar("StateT")


async def once(
    intent: Any,
    key_window_s: float,
    *,
    look: Callable[[], Awaitable[StateT | None]],
    act: Callable[[], Awaitable[StateT]],
) -> StateT:
    """Do what `intent` says, unless it is older than its key's window and `look` finds it done.

    The window is counted from the intent, which is never younger than the key's first use.
    """
    if intent.age_s > key_window_s:
        found = await look()
        if found is not None:
            return found
    return await act()
