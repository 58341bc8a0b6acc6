"""Delivery of the outbox, lane by lane: at least once, each message under its stable id."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.stores import outbox

# One lane's share of a turn.
BATCH: Final = 20
DELIVERIES: Final = Counter(
    "oms_outbox_deliveries", "Messages that were told, or tried to be.", ["lane", "outcome"]
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """`error` is free of personal data; `was_tried` False is no attempt; `hung` cost its time.

    `is_final`: only a person can help, so it is a dead letter at once.
    """

    error: str
    was_tried: bool = True
    hung: bool = False
    is_final: bool = False


class Carrying(Protocol):
    """How the messages of one kind of lane reach their receiver, within a bounded time."""

    async def carry(
        self, tx: AsyncConnection, messages: Sequence[Any]
    ) -> Mapping[int, Failure | None]:
        """Tell what became of each message, by its outbox id; None is delivered."""
        ...


@dataclass(frozen=True)
class Turn:
    """What one turn of a lane found: how many messages, and whether their receiver hung."""

    count: int
    hung: bool


class Delivery:
    """`ways` are named by the first word of a lane: `email`, `channel`, `webhook`, `document`."""

    def __init__(self, engine: AsyncEngine, ways: Mapping[str, Carrying]) -> None:
        self._engine = engine
        self._ways = ways

    async def due_lanes(self) -> list[str]:
        async with self._engine.connect() as tx:
            return await outbox.due_lanes(tx)

    async def deliver(self, lane: str) -> Turn:
        """Deliver what is due while its rows are locked, so that no other worker sends it too."""
        async with self._engine.begin() as tx:
            batch = await outbox.claim(tx, lane, BATCH)
            if not batch:
                return Turn(0, hung=False)
            kind = lane.partition(":")[0]
            outcomes = await self._ways[kind].carry(tx, batch)
            ends = [await _record(tx, each, outcomes[each.outbox_id]) for each in batch]
        for end in ends:
            DELIVERIES.labels(kind, end).inc()
        return Turn(len(batch), any(each is not None and each.hung for each in outcomes.values()))


async def _record(tx: AsyncConnection, message: Any, failure: Failure | None) -> str:
    """Write down what became of it; returns that in a word."""
    if failure is None:
        await outbox.delivered(tx, message)
        return "delivered"
    if failure.is_final:
        await outbox.gave_up(tx, message, failure.error)
        log.warning("outbox %s needs a person; its row says why", message.key)
        return "given_up"
    if not failure.was_tried:
        await outbox.postponed(tx, message, failure.error)
        return "postponed"
    if await outbox.failed(tx, message, failure.error):
        log.error("outbox %s is given up; its row says why", message.key)
        return "given_up"
    log.warning("outbox %s waits; its row says why", message.key)
    return "failed"
