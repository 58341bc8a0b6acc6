"""Requests that come while others are served are served together, and answered one by one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Spoilt(Exception):
    """Nothing of a batch was done, because of something that was asked for; its cause says what."""


class Turn:
    """The place of a batch among those under way, where it matters who came first."""

    def __init__(self, before: asyncio.Event | None = None) -> None:
        """`before` is set once those who came earlier have passed on; None: nobody did."""
        self._before = before
        self.has_passed = asyncio.Event()

    async def come(self) -> None:
        if self._before is not None:
            await self._before.wait()

    def pass_on(self) -> None:
        """Let the next come."""
        self.has_passed.set()


@dataclass(frozen=True)
class _Waiter(Generic[Q, A]):
    key: Hashable
    question: Q
    answer: asyncio.Future[A]

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batches(Generic[Q, A]):
    """At most `lanes` batches are served at a time, at most `most` in each, in order of arrival.

    The first begins at once; who comes while all lanes are busy makes the next. Questions with the
    same key are never in one batch. What a caller that gave up had asked for is left out if it was
    not begun.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Q], Turn], Awaitable[Sequence[A]]],
        most: int,
        lanes: int = 1,
        observe: Callable[[int], None] | None = None,
    ) -> None:
        """`serve` does all of a batch or nothing; `observe` is told how many were in each."""
        self._serve = serve
        self._most = most
        self._lanes = lanes
        self._observe = observe
        self._waiting: deque[_Waiter[Q, A]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._has_last_passed: asyncio.Event | None = None

    async def ask(self, key: Hashable, question: Q) -> A:
        """Raises: what serving raised, for everybody in the batch, or for this question alone."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiter(key, question, answer))
        if len(self._running) < self._lanes:
            self._running.add(asyncio.create_task(self._run()))
        return await answer

    async def _run(self) -> None:
        try:
            while batch := self._take():
                turn = Turn(self._has_last_passed)
                self._has_last_passed = turn.has_passed
                try:
                    await self._answer(batch, turn)
                    # A batch that failed keeps its place: the next waits for those before it.
                    await turn.come()
                finally:
                    turn.pass_on()
        finally:
            # In the same step in which nobody was found waiting: who comes now starts anew.
            me = asyncio.current_task()
            assert me is not None
            self._running.discard(me)

    def _take(self) -> list[_Waiter[Q, A]]:
        batch: dict[Hashable, _Waiter[Q, A]] = {}
        later: list[_Waiter[Q, A]] = []
        while self._waiting and len(batch) < self._most:
            waiter = self._waiting.popleft()
            if waiter.answer.done():
                continue
            if waiter.key in batch:
                later.append(waiter)
            else:
                batch[waiter.key] = waiter
        self._waiting.extendleft(reversed(later))
        return list(batch.values())

    async def _answer(self, batch: Sequence[_Waiter[Q, A]], turn: Turn) -> None:
        if self._observe is not None:
            self._observe(len(batch))
        try:
            answers = await self._serve([waiter.question for waiter in batch], turn)
        except Spoilt as spoilt:
            await self._divide(batch, spoilt, turn)
        except Exception as error:  # noqa: BLE001 - whatever it is, they wait for an answer
            for waiter in batch:
                waiter.fail(error)
        else:
            for waiter, answer in zip(batch, answers, strict=True):
                if not waiter.answer.done():
                    waiter.answer.set_result(answer)

    async def _divide(self, batch: Sequence[_Waiter[Q, A]], spoilt: Spoilt, turn: Turn) -> None:
        """Find who spoilt it, in few steps; the others are served in their order."""
        if len(batch) == 1:
            batch[0].fail(spoilt.__cause__ or spoilt)
            return
        half = len(batch) // 2
        await self._answer(batch[:half], turn)
        await self._answer(batch[half:], turn)
