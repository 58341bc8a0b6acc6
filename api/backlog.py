"""Whether so many kept orders wait for admission that new ones must be sent away for now."""

import time
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api.problems import Kind, Problem
from db.queries.backlog import waiting_orders_exceed
from db.queries.received import received_order

COUNTED_FOR_S: Final = 1.0


class Backlog:
    """Counts at most once in `COUNTED_FOR_S`: a few more may enter meanwhile."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until = 0.0
        self._is_full = False

    async def let_in(self, tx: AsyncConnection, channel: str, external_id: str) -> None:
        """Let in what is here already, always; what is new, while there is room.

        Raises: Problem.
        """
        if not await self._full(tx):
            return
        known = await received_order(tx, channel, external_id)
        if known is None or known.is_rejected:
            raise Problem(
                Kind.OVERLOADED, f"over {self._most} orders wait for admission; this was not taken"
            )

    async def _full(self, tx: AsyncConnection) -> bool:
        now = time.monotonic()
        if now >= self._until:
            self._until = now + COUNTED_FOR_S  # first: one counts, the others go on
            self._is_full = await waiting_orders_exceed(tx, self._most)
        return self._is_full
