"""Forgetting what nobody can ask for any more."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from db.inbox import idempotency, imports


class PruningActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def forget_answers(self) -> int:
        """Delete answers to idempotency keys, and imports, that are too old; return how many."""
        return await self._forget(idempotency.forget_old) + await self._forget(imports.forget_old)

    async def _forget(self, forget_old: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        forgotten, last = 0, 1
        while last:
            async with self._engine.begin() as tx:
                last = await forget_old(tx)
            forgotten += last
        return forgotten
