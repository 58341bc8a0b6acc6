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
        """Delete answers to idempotency keys, and imports, that are too old; return how many.

        Imports whose process died are ended.
        """
        await self._all_of(imports.end_lost)
        return await self._all_of(idempotency.forget_old) + await self._all_of(imports.forget_old)

    async def _all_of(self, do_some: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        done, last = 0, 1
        while last:
            async with self._engine.begin() as tx:
                last = await do_some(tx)
            done += last
        return done
