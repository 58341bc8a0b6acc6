"""Forgetting what nobody can ask for any more."""

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from db.inbox import idempotency


class PruningActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def forget_answers(self) -> int:
        """Delete the stored answers to idempotency keys that are too old; return how many."""
        forgotten, last = 0, 1
        while last:
            async with self._engine.begin() as tx:
                last = await idempotency.forget_old(tx)
            forgotten += last
        return forgotten
