"""Reservations that orders ask for at the same time share one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.batching import Batches, Spoilt, Turn
from activities.waiting import waits_for_stock
from db.engine import is_lock_timeout
from db.stores import orders, reservations
from db.stores.reservations import Hold, Standing
from domain.reserving import Wish

# So many take some milliseconds: more would make the last wait for longer than they save.
MOST_TOGETHER: Final = 32
# While the database writes one batch, the next is read, and waits for its turn at the levels.
AT_ONCE: Final = 2
# Levels are locked for milliseconds. Where one is held for longer, only who wants it waits for it.
LOCK_PATIENCE_S: Final = 0.5
_HOLDS: Final = frozenset({"held", "allocated"})


@dataclass(frozen=True)
class Reserve:
    order_id: str
    expires_s: float
    within_s: float  # until payment should be known


@dataclass(frozen=True)
class Reserved:
    """`short` names the SKUs that are not there; empty means all units are held."""

    short: tuple[str, ...] = ()


class Reservations:
    """One a process: whoever comes while transactions are under way is in the next."""

    def __init__(self, engine: AsyncEngine, observe: Callable[[int], None] | None = None) -> None:
        """`observe` is told the size of each batch."""
        self._engine = engine
        self._batches = Batches[Reserve, Reserved | None](
            self._together, most=MOST_TOGETHER, lanes=AT_ONCE, observe=observe
        )

    async def make(self, asked: Reserve) -> Reserved:
        """Hold every unit or none; of what may wait for stock, what is free.

        The same as alone, in the order in which it was asked for. Asked again, the order finds
        the hold that it has. Who gives up may hold nevertheless: its release gives it back.
        """
        answer = await self._batches.ask(asked.order_id, asked)
        return await self._alone(asked) if answer is None else answer

    async def _together(self, asked: Sequence[Reserve], turn: Turn) -> Sequence[Reserved | None]:
        """None: somebody holds what is needed for it, and the others do not wait for that.

        What fails once the commit was sent, or because the connection was lost, fails them all:
        nobody knows what was done.
        """
        async with self._engine.connect() as tx:
            try:
                answers, must_commit = await _reserve(tx, asked, LOCK_PATIENCE_S, turn)
            except Exception as error:
                if isinstance(error, DBAPIError) and error.connection_invalidated:
                    raise
                if is_lock_timeout(error):
                    return [None] * len(asked)
                raise Spoilt from error
            if must_commit:
                await tx.commit()
        return answers

    async def _alone(self, asked: Reserve) -> Reserved:
        """Wait for whatever it takes."""
        async with self._engine.connect() as tx:
            (answer,), must_commit = await _reserve(tx, [asked], None, Turn())
            assert answer is not None, f"unknown order {asked.order_id}"
            if must_commit:
                await tx.commit()
        return answer


async def _reserve(
    tx: AsyncConnection, asked: Sequence[Reserve], patience_s: float | None, turn: Turn
) -> tuple[list[Reserved | None], bool]:
    """Answer each in turn, None where the order's row is not free; say whether to commit.

    The hot rows come last, so that their locks are held for few statements, and in turn: who asked
    earlier has them first.
    """
    heads = await orders.lock_heads(
        tx, [each.order_id for each in asked], skip_locked=patience_s is not None
    )
    # Read under the orders' locks: an attempt before may have held already.
    standings = await reservations.standings(tx, list(heads), patience_s or 0)
    holds = [
        _hold(each, heads[each.order_id], standings[each.order_id])
        for each in asked
        if each.order_id in heads
        # An attempt given up for lost that wakes after the end holds nothing any more.
        and not heads[each.order_id].outcome
        and standings[each.order_id].state not in _HOLDS
    ]
    await turn.come()
    granted = await reservations.reserve(tx, holds, turn.pass_on)
    short = {
        hold.order_id: answer.short
        for hold, answer in zip(holds, granted, strict=True)
        if answer.short and not hold.wish.takes_less
    }
    told = {hold.order_id for hold in holds} - short.keys()
    if told:
        within_s = {each.order_id: each.within_s for each in asked if each.order_id in told}
        await orders.step_on(tx, within_s, "authorize payment", "StockReserved")
        # Of one order, too: at the commit it would wait by this patience, and fail everybody.
        await orders.derive_states(tx, sorted(told))
    answers = [
        Reserved(short.get(each.order_id, ())) if each.order_id in heads else None for each in asked
    ]
    return answers, bool(told)


def _hold(asked: Reserve, head: Any, standing: Standing) -> Hold:
    """A reservation that expired is made once more."""
    wish = Wish(
        pool=head.pool,
        buffer=head.buffer,
        demand=standing.demand,
        takes_less=waits_for_stock(head),
        store=head.pickup_location,
    )
    return Hold(asked.order_id, standing.attempt + 1, asked.expires_s, wish)
