"""The counter of a store: a parcel is ready there, is collected, or is put back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.mail import post_mail
from db.engine import row
from db.stores import documents, fulfillments, holds, orders, parts
from domain.collection import NO_SHOW
from domain.holds import LEAVING

READY = "ready_for_pickup"


@dataclass(frozen=True)
class MakeReady:
    fulfillment_id: str
    within_s: float  # until it is put back


@dataclass(frozen=True)
class Ready:
    """How the parcel stands; while it is ready, until when it waits."""

    state: str
    until: datetime | None = None


@dataclass(frozen=True)
class Collect:
    fulfillment_id: str
    actor: str
    within_s: float  # until it should be paid


class CollectingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def make_ready(self, to: MakeReady) -> Ready:
        """Say that it can be collected, unless a cancellation came first."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, to.fulfillment_id)
            if not part.cancel_requested and await fulfillments.advance(
                tx, to.fulfillment_id, READY, "collection", to.within_s
            ):
                part = await fulfillments.get(tx, to.fulfillment_id)
                await _tell_ready(tx, part, to.within_s)
            return Ready(part.state, part.next_deadline)

    @activity.defn
    async def remind(self, fulfillment_id: str) -> None:
        """Remind whoever has not come yet, once."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, fulfillment_id)
            if part.state == READY and not part.cancel_requested:
                await _mail(tx, part, "pickup_reminder")

    @activity.defn
    async def begin_collection(self, who: Collect) -> str:
        """Pass the point of no return; the row's lock decides between whoever wants otherwise.

        Answers the state: `ready_for_pickup` when a cancellation or a hold comes first.
        """
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, who.fulfillment_id)
            is_free = part.state == READY and not part.cancel_requested
            if is_free and not await holds.is_blocked(tx, part.order_id, LEAVING):
                step = "capture payment"
                await fulfillments.advance(
                    tx, who.fulfillment_id, "handing_over", step, who.within_s
                )
                await orders.next_step(tx, part.order_id, step, who.within_s)
                await orders.tell(
                    tx,
                    part.order_id,
                    "Collected",
                    actor=who.actor,
                    fulfillment_id=who.fulfillment_id,
                    data={"by": part.location},
                )
            return await _state(tx, who.fulfillment_id)

    @activity.defn
    async def hand_out(self, fulfillment_id: str) -> None:
        """The goods are the customer's: stock leaves, and the invoice is due."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, fulfillment_id)
            if not await fulfillments.advance(tx, fulfillment_id, "handed_over", "deliver", 0):
                return
            await documents.request_invoice(tx, part)
            await fulfillments.ship(tx, part)
            await fulfillments.advance(tx, fulfillment_id, "delivered", None, 0)
            await orders.tell(tx, part.order_id, "Delivered", fulfillment_id=fulfillment_id)

    @activity.defn
    async def put_back(self, fulfillment_id: str) -> str:
        """Nobody came: the units lie on the shelf again. Answers the state: it may be otherwise."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, fulfillment_id)
            if part.state == READY and not part.cancel_requested:
                await fulfillments.advance(tx, fulfillment_id, "cancelled", None, 0)
                await orders.tell(
                    tx,
                    part.order_id,
                    "NotCollected",
                    fulfillment_id=fulfillment_id,
                    data={"code": NO_SHOW},
                )
                await fulfillments.give_back(tx, part)
            return await _state(tx, fulfillment_id)


async def _state(tx: AsyncConnection, fulfillment_id: str) -> str:
    return str((await fulfillments.get(tx, fulfillment_id)).state)


async def _tell_ready(tx: AsyncConnection, part: Any, within_s: float) -> None:
    until = part.next_deadline.date().isoformat()
    await orders.next_step(tx, part.order_id, "collection", within_s)
    await orders.tell(
        tx,
        part.order_id,
        "ReadyForPickup",
        fulfillment_id=part.fulfillment_id,
        data={"by": until},
    )
    await _mail(tx, part, "pickup_ready")


async def _mail(tx: AsyncConnection, part: Any, template: str) -> None:
    """The code is put in when the mail is written: it is kept nowhere."""
    order = await orders.head(tx, part.order_id)
    store = await row(
        tx, "SELECT name, address FROM locations WHERE location = :place", place=part.location
    )
    assert store is not None
    facts = {
        "place": {**store.address, "name": store.name},
        "by": part.next_deadline.date().isoformat(),
        "fulfillment": part.fulfillment_id,
    }
    await post_mail(tx, order, template, facts, part=f"f{part.number}")
