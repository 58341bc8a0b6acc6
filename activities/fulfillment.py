"""The warehouse's part: picked, packed, handed over, delivered; or cancelled while it can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.calendars import work_at
from activities.mail import post_mail
from db.engine import rows, run
from db.stores import (
    documents,
    exchanges,
    fulfillments,
    holds,
    labels,
    orders,
    outbox,
    parts,
    returns,
)
from domain.events import OrderEvent
from domain.holds import LEAVING


@dataclass(frozen=True)
class Advance:
    """Move to `state`; what comes next, and within how many seconds.

    `lines`: the units that were reported, by order line; empty asks for no comparison.
    """

    fulfillment_id: str
    state: str
    actor: str = "system"
    step: str | None = None
    within_s: float = 0.0
    lines: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class HandOver:
    fulfillment_id: str
    within_s: float  # until the carrier should have scanned it


@dataclass(frozen=True)
class Cancellable:
    """What a cancellation request found: numbers that will stop, and those already gone."""

    stopping: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()


@dataclass(frozen=True)
class Unheard:
    """A part whose run does not know what its row says."""

    order_id: str
    number: int
    state: str


EVENTS: Final[Mapping[str, OrderEvent]] = {
    "picked": "Picked", "packed": "Packed", "delivered": "Delivered", "lost": "Lost",
}  # fmt: skip


# After this a run that is told again and again waits for something else.
GIVEN_UP_AFTER_S: Final = 3600.0
# One sweep; the next goes on.
MOST_UNHEARD: Final = 200
STOPPABLE: Final = ("backordered", "open", "picked", "packed", "ready_for_pickup")


class FulfillmentActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def advance(self, to: Advance) -> float | None:
        """Record picked, packed, delivered or lost; told again, nothing changes.

        Return within how many seconds the warehouse should do what comes next, when it should.
        Raises: ApplicationError "WrongQuantities": units were cancelled before they were reported.
        """
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, to.fulfillment_id)
            is_next_here = to.state == "picked"
            within_s = to.within_s
            if is_next_here:
                within_s = work_at(part).within_s(within_s)
            if not await fulfillments.advance(tx, to.fulfillment_id, to.state, to.step, within_s):
                return None
            if to.lines:
                await _compare(tx, to)
            await orders.tell(
                tx,
                part.order_id,
                EVENTS[to.state],
                actor=to.actor,
                fulfillment_id=to.fulfillment_id,
            )
            if to.state == "delivered":
                await mail_about(tx, part, "delivered")
                await _bill_exchange(tx, part)
            return within_s if is_next_here else None

    @activity.defn
    async def recorded_state(self, fulfillment_id: str) -> str:
        async with self._engine.begin() as tx:
            return str((await fulfillments.get(tx, fulfillment_id)).state)

    @activity.defn
    async def unheard_reports(self, after_s: float) -> tuple[Unheard, ...]:
        """Find parts that were packed `after_s` ago, and for which nobody begins a label.

        The report's run was told in the moment in which its worker died: the row was written, the
        message was not kept, and whoever reported may think that all is well.
        """
        async with self._engine.begin() as tx:
            found = await rows(
                tx,
                """
                SELECT order_id, number, state FROM fulfillments f
                WHERE state = 'packed' AND NOT cancel_requested
                    AND packed_at < now() - make_interval(secs => :after_s)
                    AND packed_at > now() - make_interval(secs => :given_up_s)
                    AND NOT EXISTS (SELECT FROM labels l WHERE l.fulfillment_id = f.fulfillment_id)
                ORDER BY packed_at LIMIT :most
                """,
                after_s=after_s,
                given_up_s=GIVEN_UP_AFTER_S,
                most=MOST_UNHEARD,
            )
            return tuple(Unheard(part.order_id, part.number, part.state) for part in found)

    @activity.defn
    async def request_cancellation(self, order_id: str) -> Cancellable:
        """Stop every part that is not being handed over; the order's lock decides the race."""
        async with self._engine.begin() as tx:
            await orders.head(tx, order_id, lock=True)
            await _ask_to_stop(tx, order_id)
            all_parts = await fulfillments.of_order(tx, order_id)
            stopping = tuple(
                part.number
                for part in all_parts
                if part.cancel_requested and part.state in STOPPABLE
            )
            gone = tuple(
                part.number
                for part in all_parts
                if part.number not in stopping and part.state != "cancelled"
            )
            return Cancellable(stopping, gone)

    @activity.defn
    async def begin_hand_over(self, to: HandOver) -> bool:
        """Pass the point of no return, unless a cancellation came first.

        Raises: ApplicationError "OnHold": the story tries again when the hold has ended.
        """
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, to.fulfillment_id)
            if part.state in ("handing_over", "handed_over", "delivered"):
                return True
            if part.cancel_requested or part.state == "cancelled":
                return False
            if await holds.is_blocked(tx, part.order_id, LEAVING):
                raise ApplicationError("the order is on hold", type="OnHold", non_retryable=True)
            return await fulfillments.advance(
                tx, to.fulfillment_id, "handing_over", "capture payment", to.within_s
            )

    @activity.defn
    async def hand_over(self, to: HandOver) -> None:
        """The parcel is the carrier's: stock leaves, the customer and the channel are told."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, to.fulfillment_id)
            if not await fulfillments.advance(
                tx, to.fulfillment_id, "handed_over", "first scan by the carrier", to.within_s
            ):
                return
            label = await labels.current(tx, to.fulfillment_id)
            assert label is not None
            data = {"carrier": label.carrier, "tracking_number": label.tracking_number}
            await orders.tell(
                tx, part.order_id, "HandedOver", fulfillment_id=to.fulfillment_id, data=data
            )
            await _mail(tx, part, label, "shipped")
            await _tell_channel(tx, part, label)
            await documents.request_invoice(tx, part)
            await fulfillments.ship(tx, part)

    @activity.defn
    async def cancel_fulfillment(self, fulfillment_id: str) -> bool:
        """Give the units back; false when the parcel is already on its way out."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, fulfillment_id)
            return await cancel_part(tx, part)


async def _compare(tx: AsyncConnection, to: Advance) -> None:
    """What was reported is what the fulfillment order has now: its run may not know of a change."""
    wanted = await parts.units_of(tx, to.fulfillment_id)
    if dict(to.lines) != wanted:
        expected = ", ".join(f"line {line}: {count}" for line, count in wanted.items())
        raise ApplicationError(
            f"the order was changed: expected {expected}",
            type="WrongQuantities",
            non_retryable=True,
        )


async def _ask_to_stop(tx: AsyncConnection, order_id: str) -> None:
    await run(
        tx,
        """
        WITH locked AS MATERIALIZED (
            SELECT fulfillment_id FROM fulfillments
            WHERE order_id = :order_id AND state = ANY(CAST(:states AS text[]))
                AND NOT cancel_requested AND rma IS NULL
            ORDER BY number FOR UPDATE
        )
        UPDATE fulfillments f SET cancel_requested = true FROM locked
        WHERE f.fulfillment_id = locked.fulfillment_id
        """,
        order_id=order_id,
        states=list(STOPPABLE),
    )


async def cancel_part(tx: AsyncConnection, part: Any) -> bool:
    """Cancel a locked part and give its units back; true when that is how it stands now."""
    if part.state == "cancelled":
        return True
    if not await fulfillments.advance(tx, part.fulfillment_id, "cancelled", None, 0):
        return False
    await orders.tell(tx, part.order_id, "FulfillmentCancelled", fulfillment_id=part.fulfillment_id)
    await fulfillments.give_back(tx, part)
    return True


async def mail_about(tx: AsyncConnection, part: Any, template: str) -> None:
    """Tell the customer about one locked parcel, which has a label."""
    label = await labels.current(tx, part.fulfillment_id)
    assert label is not None
    await _mail(tx, part, label, template)


async def _mail(tx: AsyncConnection, part: Any, label: Any, template: str) -> None:
    facts = {"carrier": label.carrier or "", "tracking": label.tracking_number or ""}
    await post_mail(tx, part, template, facts, part=f"f{part.number}")


async def _tell_channel(tx: AsyncConnection, part: Any, label: Any) -> None:
    """Push the tracking number to the channel the order came from, when it wants one."""
    if part.channel_kind == "api" or part.rma is not None:
        return  # what is sent in exchange fulfils nothing that the channel knows of
    lines = await rows(
        tx,
        """
        SELECT o.external_line_id, f.quantity
        FROM fulfillment_lines f JOIN order_lines o
            ON o.order_id = :order_id AND o.line_no = f.line_no
        WHERE f.fulfillment_id = :fulfillment_id ORDER BY f.line_no
        """,
        order_id=part.order_id,
        fulfillment_id=part.fulfillment_id,
    )
    payload = {
        "channel": part.channel,
        "channel_kind": part.channel_kind,
        "external_id": part.external_id,
        "tracking_number": label.tracking_number,
        "carrier": label.carrier,
        "lines": [[line.external_line_id, line.quantity] for line in lines],
    }
    key = f"{part.order_id}:f{part.number}:tracking"
    await outbox.post(tx, key, "channel_fulfillment", part.order_id, payload)


async def _bill_exchange(tx: AsyncConnection, part: Any) -> None:
    """Have what was sent in exchange invoiced: it may go back before the exchange is complete."""
    back = None if part.rma is None else await returns.get(tx, part.rma)
    if back is not None and back.resolution == "exchange":  # a replacement was invoiced before
        lines = await exchanges.lines(tx, back.rma)
        await documents.request_exchange_invoice(tx, back, part, lines)
