"""Holds: placed on an order, released, expired or postponed, and looked at by its story."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.screening import told
from db.stores import fulfillments, holds, orders
from db.stores.holds import NewHold
from domain.events import OrderEvent
from domain.holds import blocks_parcels

EVENTS: dict[str, OrderEvent] = {"released": "HoldReleased", "expired": "HoldExpired"}


@dataclass(frozen=True)
class Place:
    order_id: str
    kind: str
    key: str
    actor: str = "system"
    within_s: float | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Placed:
    """`refused`: the order is unadmitted or closed, or nothing is left that it could block."""

    number: int = 0
    refused: Literal["unadmitted", "closed", "too_late"] | None = None


@dataclass(frozen=True)
class Alter:
    """`to`: released, expired, or postponed by `within_s` seconds from now."""

    order_id: str
    number: int
    to: Literal["released", "expired", "postponed"]
    actor: str = "system"
    within_s: float = 0.0


@dataclass(frozen=True)
class Look:
    order_id: str
    spare_s: float  # how long stock and parcels are kept beyond the last hold


@dataclass(frozen=True)
class OpenHold:
    number: int
    kind: str
    blocks: tuple[str, ...]
    on_expiry: str
    deadline: datetime


@dataclass(frozen=True)
class Looked:
    """The first to run out comes first."""

    holds: tuple[OpenHold, ...] = ()


class HoldActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def place_hold(self, hold: Place) -> Placed:
        """Place a hold while something is left that it can block.

        The order is locked, as everywhere: whoever hands a parcel over sees the hold, or is seen.
        """
        async with self._engine.begin() as tx:
            head = await orders.head(tx, hold.order_id, lock=True)
            if head is None:
                return Placed(refused="unadmitted")
            parts = await fulfillments.of_order(tx, hold.order_id)
            known = await holds.find(tx, hold.order_id, hold.key)
            if known is not None:
                return Placed(known.number)
            if head.outcome is not None:
                return Placed(refused="closed")
            if parts and not _can_stop(hold.kind, parts):
                return Placed(refused="too_late")
            new = NewHold(hold.kind, hold.key, hold.actor, hold.until, hold.within_s)
            placed = await holds.place(tx, hold.order_id, new)
            await orders.tell(tx, hold.order_id, "HoldPlaced", actor=hold.actor, data=told(placed))
            return Placed(placed.number)

    @activity.defn
    async def alter_hold(self, hold: Alter) -> None:
        """End an open hold or put it off; told again, or too late, nothing changes."""
        async with self._engine.begin() as tx:
            await orders.head(tx, hold.order_id, lock=True)
            if hold.to == "postponed":
                await holds.postpone(tx, hold.order_id, hold.number, hold.within_s)
                return
            if hold.to == "expired" and await holds.follow_date(tx, hold.order_id, hold.number):
                return
            ended = await holds.end(tx, hold.order_id, hold.number, hold.to, hold.actor)
            if ended is not None:
                await orders.tell(
                    tx, hold.order_id, EVENTS[hold.to], actor=hold.actor, data=told(ended)
                )

    @activity.defn
    async def look_at_holds(self, look: Look) -> Looked:
        """Say which holds are open; while there are any, the order keeps its stock for them."""
        async with self._engine.begin() as tx:
            await orders.head(tx, look.order_id, lock=True)
            found = await holds.open_of(tx, look.order_id)
            if found:
                await holds.keep(tx, look.order_id, found[-1].deadline, look.spare_s)
                step = f"release hold {found[0].number}: {found[0].kind}"
                await holds.wait_for(tx, look.order_id, step, found[0].deadline)
            return Looked(tuple(_opened(hold) for hold in found))


def _opened(hold: Any) -> OpenHold:
    return OpenHold(hold.number, hold.kind, tuple(hold.blocks), hold.on_expiry, hold.deadline)


def _can_stop(kind: str, parts: list[Any]) -> bool:
    is_ours = any(part.state in ("open", "picked", "packed", "ready_for_pickup") for part in parts)
    return is_ours and blocks_parcels(kind)


async def release_address_holds(tx: AsyncConnection, order_id: str) -> None:
    """The address of the locked order can be delivered to: what waited for that goes on."""
    for hold in await holds.open_of(tx, order_id):
        if hold.kind == "address_problem":
            await holds.end(tx, order_id, hold.number, "released", "system")
            await orders.tell(tx, order_id, "HoldReleased", data=told(hold))
