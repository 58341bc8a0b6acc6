"""The door to placement: a few start their runs at a time, and each looks at the shelf first.

When an article is sold out while hundreds wait for it, each of them is told at once: a run would
only find the same, a second later and at the cost of a workflow.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from db.queries.catalog import Known


class Door:
    """`most` may be inside at once; `wait_s` is how long one stands before it."""

    def __init__(self, most: int, wait_s: float) -> None:
        self._slots = asyncio.Semaphore(most)
        self._wait_s = wait_s

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[bool]:
        """False when the wait was too long: the order is to be kept; others will start it."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            self._slots.release()


def missing(known: Known) -> str | None:
    """Why the order cannot be served from what is free now; None when it can."""
    if known.takes_backorders or not known.short_skus:
        return None
    return f"not enough of {', '.join(known.short_skus)}"
