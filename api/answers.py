"""Answers given once: stored under the caller's idempotency key and repeated from there."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Context
from api.problems import BY_OUTCOME, MEDIA_TYPE, Kind, Problem
from db.engine import is_away
from db.inbox import idempotency
from db.inbox.content import content_sha256
from db.inbox.idempotency import StoredAnswer, Taken
from db.inbox.keys import Caller

log = logging.getLogger(__name__)
Prepared = TypeVar("Prepared")
Again = Callable[[AsyncConnection, dict[str, Any]], Awaitable[Prepared]]
ACCEPTED = 202
_REFUSED = 400
# These end a placement for good; any other problem may be gone when the request is repeated.
FINAL_PROBLEMS = frozenset(BY_OUTCOME.values())


class Settled(Problem):
    """A final problem whose answer was stored with the change that made it final."""


@dataclass(frozen=True)
class Once:
    """One request of one caller; without a key there is nothing to repeat it by."""

    context: Context
    caller: Caller
    key: str | None
    request: Any  # what makes it this request: operation and content

    async def answer(
        self,
        prepare: Callable[[AsyncConnection], Awaitable[Prepared]],
        act: Callable[[Prepared], Awaitable[StoredAnswer]],
        again: Again[Prepared] | None = None,
    ) -> JSONResponse:
        """Claim the key and `prepare` in one transaction, then `act`, then store the answer.

        A request that was taken before is prepared `again`, by what it noted.
        Raises: Problem; of those, only final ones are stored.
        """
        async with self.context.engine.begin() as tx:
            stored = await self._claim(tx)
            if isinstance(stored, StoredAnswer):
                return _response(stored, {"Idempotency-Replayed": "true"})
            if stored is not None and again is not None:
                prepared = await again(tx, stored.facts)
            else:
                prepared = await prepare(tx)
        try:
            answer = await act(prepared)
        except Settled:
            raise
        except Problem as problem:
            is_final = problem.kind in FINAL_PROBLEMS
            await self._end(StoredAnswer(problem.status, problem.body()) if is_final else None)
            raise
        except Exception:
            await self._end(None)
            raise
        await self._end(None if answer.status == ACCEPTED else answer)
        return _response(answer)

    async def written(
        self, write: Callable[[AsyncConnection], Awaitable[dict[str, Any]]], status: int = 200
    ) -> JSONResponse:
        """Claim the key, `write` and store the answer in one transaction: all of it, or nothing.

        For what only our own database must know. Raises: Problem, which undoes everything.
        """
        async with self.context.engine.begin() as tx:
            stored = await self._claim(tx)
            if isinstance(stored, StoredAnswer):
                return _response(stored, {"Idempotency-Replayed": "true"})
            answer = StoredAnswer(status, await write(tx))
            await self.store(tx, answer)
        return _response(answer)

    async def accepted(
        self, keep: Callable[[AsyncConnection], Awaitable[dict[str, Any]]]
    ) -> JSONResponse:
        """Claim the key, `keep` and let the key go in one transaction: all of it, or nothing.

        A repeat keeps nothing twice, and hears how far it has come. Raises: Problem.
        """
        async with self.context.engine.begin() as tx:
            stored = await self._claim(tx)
            if isinstance(stored, StoredAnswer):
                return _response(stored, {"Idempotency-Replayed": "true"})
            answer = StoredAnswer(ACCEPTED, await keep(tx))
            if self.key is not None:
                await idempotency.release(tx, self.caller.key_id, self.key)
        return _response(answer)

    async def store(self, tx: AsyncConnection, answer: StoredAnswer) -> None:
        """Keep what every repeat will hear, if there is a key to repeat it by."""
        if self.key is not None:
            await idempotency.finish(tx, self.caller.key_id, self.key, answer)

    async def note(self, tx: AsyncConnection, facts: Mapping[str, Any] | None) -> None:
        """Keep what a repeat is prepared by, with what is written for the request.

        None, when that is taken back.
        """
        if self.key is not None:
            await idempotency.note(tx, self.caller.key_id, self.key, facts)

    async def _claim(self, tx: AsyncConnection) -> StoredAnswer | Taken | None:
        if self.key is None:
            return None
        try:
            sha256 = content_sha256(self.request)
            return await idempotency.begin(tx, self.caller.key_id, self.key, sha256)
        except idempotency.KeyReused:
            raise Problem(
                Kind.IDEMPOTENCY_KEY_REUSED, "choose a new key for a new request"
            ) from None
        except idempotency.StillInProgress:
            raise Problem(Kind.STILL_IN_PROGRESS, "ask again in a moment") from None

    async def _end(self, answer: StoredAnswer | None) -> None:
        """What was decided is answered even if the database cannot keep the answer.

        The key then stays claimed for a minute; a repeat after that does the work again, once.
        """
        if self.key is None:
            return
        try:
            async with self.context.engine.begin() as tx:
                if answer is None:
                    await idempotency.release(tx, self.caller.key_id, self.key)
                else:
                    await self.store(tx, answer)
        except (DBAPIError, PoolTimeout) as error:
            if not is_away(error):
                raise
            log.warning("an answer could not be stored: %s", type(error).__name__)


def _response(answer: StoredAnswer, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        answer.body,
        status_code=answer.status,
        headers=headers,
        media_type=MEDIA_TYPE if answer.status >= _REFUSED else "application/json",
    )
