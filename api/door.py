"""The door to placement: a few start their runs at a time, and each looks at the shelf first.

When an article is sold out while hundreds wait for it, each of them is told at once: a run would
only find the same, a second later and at the cost of a workflow.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from db.queries.catalog import Known
from domain.order import OrderDocument


class Shelf:
    """Who is about to buy an article, in whatever channel, and who waits until they have.

    While those inside want more than there was when somebody last looked, nobody else enters: when
    they are done, there is more to know. Where too little is left for who stands in front, there
    is nothing to wait for.
    """

    def __init__(self) -> None:
        self._inside = 0  # units that they want
        self._free: float | None = None  # None: nobody has looked yet
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    async def enter(self, units: int) -> None:
        """In order of arrival."""
        if not self._waiting and self._has_room(units):
            self._inside += units
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, units))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in, and gone in the same moment
                self.leave(units)
            raise

    def leave(self, units: int) -> None:
        self._inside -= units
        self._let_in()

    def saw(self, free: float) -> None:
        self._free = free
        self._let_in()

    def is_deserted(self) -> bool:
        return not self._inside and not self._waiting

    def _has_room(self, units: int) -> bool:
        if not self._inside:
            return True
        return self._free is not None and (self._free < units or self._inside <= self._free)

    def _let_in(self) -> None:
        while self._waiting:
            turn, units = self._waiting[0]
            if not turn.done():
                if not self._has_room(units):
                    return
                self._inside += units
                turn.set_result(None)
            self._waiting.popleft()


class Door:
    """`most` may be inside at once, and for an article hardly more than there are units of it.

    `wait_s` is how long one stands before it.
    """

    def __init__(self, most: int, wait_s: float) -> None:
        self._slots = asyncio.Semaphore(most)
        self._wait_s = wait_s
        self._shelves: dict[str, Shelf] = {}

    @asynccontextmanager
    async def entered(self, order: OrderDocument) -> AsyncIterator[bool]:
        """False when the wait was too long: the order is to be kept; others will start it."""
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._wait_s):
                    for sku, units in sorted(order.demand().items()):
                        await held.enter_async_context(self._at_shelf(sku, units))
                    await held.enter_async_context(self._slots)
            except TimeoutError:
                await held.aclose()
                is_inside = False
            else:
                is_inside = True
            yield is_inside

    def saw(self, order: OrderDocument, known: Known) -> None:
        """Tell those who wait how much there was to sell a moment ago."""
        for sku in order.demand():
            if shelf := self._shelves.get(sku):
                shelf.saw(math.inf if known.takes_backorders else known.free.get(sku, 0))

    @asynccontextmanager
    async def _at_shelf(self, sku: str, units: int) -> AsyncIterator[None]:
        shelf = self._shelves.setdefault(sku, Shelf())
        try:
            await shelf.enter(units)
            try:
                yield
            finally:
                shelf.leave(units)
        finally:
            if shelf.is_deserted():
                self._shelves.pop(sku, None)


def missing(known: Known, order: OrderDocument) -> str | None:
    """Why the order cannot be served from what is free now; None when it can."""
    if known.takes_backorders:
        return None
    demand = order.demand()
    short = [sku for sku, free in sorted(known.free.items()) if free < demand[sku]]
    return f"not enough of {', '.join(short)}" if short else None
