"""Goods on their way back: what arrived, what was found on looking, and what becomes of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.returning.settling import settle_without_goods
from activities.returning.standing import Standing, locked, mail, standing, tell
from db.engine import row
from db.stores import exchanges, returns, stock
from db.stores.returns import Verdict
from db.stores.stock import Cause, Change


@dataclass(frozen=True)
class Arrived:
    """So many units of each item have come so far; `strangers` are other SKUs in the parcel."""

    rma: str
    actor: str
    items: tuple[tuple[int, int], ...]
    strangers: tuple[tuple[str, int], ...] = ()
    location: str | None = None
    is_all: bool = True  # nothing more is expected
    within_s: float = 0.0


@dataclass(frozen=True)
class Inspected:
    """(item, disposition, quantity, accepted, location) of every unit that arrived."""

    rma: str
    actor: str
    found: tuple[tuple[int, str, int, bool, str | None], ...]
    within_s: float = 0.0


@dataclass(frozen=True)
class GiveUp:
    rma: str
    within_s: float = 0.0


class GoodsActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def receive_return(self, arrived: Arrived) -> Standing:
        """Count what came; told again, nothing is added. It is no stock before it was looked at."""
        async with self._engine.begin() as tx:
            back = await locked(tx, arrived.rma)
            if back.state != "approved":
                return await standing(tx, arrived.rma)
            await returns.count_received(tx, arrived.rma, dict(arrived.items))
            items = await returns.items(tx, arrived.rma)
            await _set_aside(tx, back, items, arrived)
            if arrived.is_all or all(item.received == item.requested for item in items):
                await returns.advance(tx, arrived.rma, "received", "inspection", arrived.within_s)
                await tell(tx, back, "ReturnReceived", arrived.actor)
                await mail(tx, back, "return_received")
            return await standing(tx, arrived.rma)

    @activity.defn
    async def give_up_return(self, give_up: GiveUp) -> Standing:
        """Wait no longer: what came is all; when nothing came, the return ends."""
        async with self._engine.begin() as tx:
            back = await locked(tx, give_up.rma)
            if back.state != "approved":
                return await standing(tx, give_up.rma)
            if any(item.received for item in await returns.items(tx, give_up.rma)):
                await returns.advance(tx, give_up.rma, "received", "inspection", give_up.within_s)
                await tell(tx, back, "ReturnReceived")
            elif await exchanges.is_sent(tx, give_up.rma):  # ahead: what was held is taken
                await settle_without_goods(tx, back, give_up.within_s)
            else:
                await returns.close(tx, give_up.rma, "never_arrived")
                await tell(tx, back, "ReturnClosed", outcome="never_arrived")
                await mail(tx, back, "return_never_arrived")
            return await standing(tx, give_up.rma)

    @activity.defn
    async def inspect_return(self, inspected: Inspected) -> Standing:
        """Write down every unit's fate, and restock what may be sold again; once."""
        async with self._engine.begin() as tx:
            back = await locked(tx, inspected.rma)
            if back.state != "received":
                return await standing(tx, inspected.rma)
            verdicts = [
                Verdict(item_no, disposition, quantity, accepted, location or back.location)
                for item_no, disposition, quantity, accepted, location in inspected.found
            ]
            items = await returns.items(tx, inspected.rma)
            if not _covers(items, verdicts):
                return await standing(tx, inspected.rma, "every unit that arrived is looked at")
            await returns.judge(tx, inspected.rma, verdicts)
            await returns.advance(tx, inspected.rma, "inspected", "refund", inspected.within_s)
            await tell(tx, back, "ReturnInspected", inspected.actor)
            await _restock(tx, back, {item.item_no: item.sku for item in items}, verdicts)
            return await standing(tx, inspected.rma)


def _covers(items: Sequence[Any], verdicts: Sequence[Verdict]) -> bool:
    looked_at: Counter[int] = Counter()
    for verdict in verdicts:
        looked_at[verdict.item_no] += verdict.quantity
    kinds = {(each.item_no, each.disposition, each.accepted) for each in verdicts}
    return len(kinds) == len(verdicts) and +looked_at == +Counter(
        {item.item_no: item.received for item in items}
    )


async def _set_aside(
    tx: AsyncConnection, back: Any, items: Sequence[Any], arrived: Arrived
) -> None:
    place = arrived.location or back.location
    extra: Counter[str] = Counter()
    for item in items:
        extra[item.sku] += item.extra
    await returns.set_aside(tx, back.rma, place, "extra", +extra)
    await returns.set_aside(tx, back.rma, place, "wrong_item", dict(arrived.strangers))


async def _restock(
    tx: AsyncConnection, back: Any, skus: Mapping[int, str], verdicts: Sequence[Verdict]
) -> None:
    """Only these units can be sold again; the others are written down and stay out of stock."""
    good = [verdict for verdict in verdicts if verdict.disposition == "restock"]
    for verdict in sorted(good, key=lambda each: (skus[each.item_no], each.location)):
        place = await row(tx, "SELECT pool FROM locations WHERE location = :l", l=verdict.location)
        assert place is not None
        fate = "accepted" if verdict.accepted else "rejected"
        await stock.restock(
            tx,
            place.pool,
            Change(verdict.location, skus[verdict.item_no], on_hand=verdict.quantity),
            Cause(
                key=f"{back.rma}:restock:{verdict.item_no}:{fate}",
                kind="restock",
                text="returned",
                order_id=back.order_id,
            ),
        )
