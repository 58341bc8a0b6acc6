"""What others tell means for an order: recorded here, then told to the workflow by an id."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.connectors.carrier.easypost import webhook as easypost
from activities.connectors.carrier.port import TrackingNotice
from activities.connectors.payment.port import PaymentNotice
from activities.connectors.payment.stripe import webhook as stripe
from activities.fulfillment import STOPPABLE
from activities.payments import SlipState, record_slip, slip_key
from activities.returning.labels import record_return_tracking
from activities.shipping import record_tracking, standing
from db.inbox import asked, remarks
from db.inbox.ending import end
from db.inbox.orders import CANCELLED, ContentDiffers, refuse_cancelled_order
from db.inbox.remarks import Remark
from db.queries.received import placement_end
from db.stores import fulfillments, labels, orders, payments, tracking
from domain.tracking import TrackingEvent, TrackingStatus

# The key a slip was begun with: order, tender, verb, number.
_SLIP: Final = re.compile(r"^(?P<order_id>.+):t(?P<tender_no>\d+):slip:\d+$")
# What a fulfillment's story turns on; other scans are only shown.
DECISIVE: Final = frozenset(
    {
        TrackingStatus.DELIVERED, TrackingStatus.DELIVERY_FAILED, TrackingStatus.RETURN_TO_SENDER,
        TrackingStatus.DAMAGED, TrackingStatus.LOST,
    }
)  # fmt: skip
# Told again, it is the same update.
CHANNEL_CANCELS: Final = "cancelled-at-the-channel"


class NotYetKnown(Exception):
    """The news speaks of something we have not recorded yet; it is read again later."""


class NotYetDone(Exception):
    """What was asked for is not written down; the news is read again until it is, however long."""


@dataclass(frozen=True)
class SlipNews:
    """`is_late`: the order was closed before, and its run listens no more."""

    event_id: str
    order_id: str
    tender_no: int
    paid: bool
    is_late: bool = False


@dataclass(frozen=True)
class ParcelNews:
    """`is_late`: the parcel was written off before, and its run listens no more."""

    event_id: str
    order_id: str
    number: int
    status: str
    is_late: bool = False


@dataclass(frozen=True)
class CancellationNews:
    """`told_as` is the update's id. `is_done`: every parcel of the order has stopped or left."""

    order_id: str
    actor: str
    told_as: str
    is_done: bool


@dataclass(frozen=True)
class AskedNews:
    """What else a caller asked of an order's run; `told_as` is the update's id."""

    order_id: str
    update: str
    argument: Mapping[str, Any]
    told_as: str


def slip_of(notice: PaymentNotice) -> SlipState | None:
    """What became of a bank slip, when the event tells that: all else we asked for ourselves."""
    match = _SLIP.match(notice.key or "")
    if match is None or notice.kind not in ("paid", "failed"):
        return None
    return SlipState(match["order_id"], int(match["tender_no"]), notice.kind == "paid")


async def payment_news(tx: AsyncConnection, document: Mapping[str, Any]) -> SlipNews | None:
    """Read a payment vendor's event; only what became of bank slips is news.

    That a slip was paid is written down here: the order's run may be undoing the order just now,
    and then gives back what is written down. A closed order's is written with its refund.

    Raises: NotYetKnown, ValueError.
    """
    notice = stripe.parse(json.dumps(document).encode())
    said = slip_of(notice)
    if said is None:
        return None
    order = await orders.head(tx, said.order_id, lock=True)
    if order is None:
        raise NotYetKnown(said.order_id)
    is_late = order.outcome is not None
    if said.paid:
        key = slip_key(said.order_id, said.tender_no)
        if await payments.authorization(tx, key) is None:
            raise NotYetKnown(key)
        if not is_late:
            await record_slip(tx, said)
    return SlipNews(notice.event_id, said.order_id, said.tender_no, said.paid, is_late)


async def carrier_news(
    tx: AsyncConnection, documents: Sequence[Mapping[str, Any]], inbox_ids: Sequence[int]
) -> ParcelNews | None:
    """Record a carrier's scans; answer what the parcel's story must be told, if anything.

    Documents that tell of one parcel are read as one: what it went through before we heard of it
    is kept as scans, and where it stands is told. When nobody must hear of it, their rows in the
    inbox are ended with the record.
    Raises: NotYetKnown, ValueError.
    """
    notices = [notice for each in documents if (notice := _tracking_notice(each)) is not None]
    if not notices:
        await end(tx, inbox_ids, "handled")
        return None
    tracker_id = notices[0].tracker_id
    events = [event for notice in notices for event in notice.events]
    part = await tracking.tracked(tx, tracker_id)
    if part is None:
        await _on_its_way_back(tx, tracker_id, events)
        await end(tx, inbox_ids, "handled")
        return None
    is_decisive = standing(part, events) in DECISIVE
    status = await record_tracking(tx, part, events, ended=() if is_decisive else inbox_ids)
    if not is_decisive:
        return None
    is_late = part.state == "lost" and status == TrackingStatus.DELIVERED
    # A run hears each id once, so that none may stand for another status than it did before.
    event_id = "+".join(sorted(notice.event_id for notice in notices))
    return ParcelNews(event_id, part.order_id, part.number, status, is_late)


def _tracking_notice(document: Mapping[str, Any]) -> TrackingNotice | None:
    return easypost.parse(json.dumps(document).encode())


async def _on_its_way_back(
    tx: AsyncConnection, tracker_id: str, events: Sequence[TrackingEvent]
) -> None:
    """Record the scans of a parcel that comes back; its story waits for the warehouse.

    Raises: NotYetKnown.
    """
    rma = await labels.return_of(tx, tracker_id)
    if rma is None:
        raise NotYetKnown(tracker_id)
    await record_return_tracking(tx, rma, events)


async def asked_news(
    tx: AsyncConnection, document: Mapping[str, Any]
) -> CancellationNews | AskedNews | None:
    """Say what an order's run must do for a caller; None when the order is closed, or never was.

    Raises: NotYetDone while the order waits for its admission.
    """
    update = document.get("update", asked.CANCEL)
    if update == asked.CANCEL:
        return await cancellation_news(tx, document)
    channel, external_id = document["channel"], document["external_id"]
    order_id = f"{channel}-{external_id}"
    order = await orders.head(tx, order_id)
    if order is None and await placement_end(tx, channel, external_id) is None:
        raise NotYetDone(order_id)
    if order is None or order.outcome is not None:
        return None
    return AskedNews(order_id, update, document["argument"], document["told_as"])


async def cancellation_news(
    tx: AsyncConnection, document: Mapping[str, Any]
) -> CancellationNews | None:
    """Say what an order's run must hear of its cancellation; None when there is nothing to cancel.

    Who asked us for it is its `actor`; none is named when the channel cancelled the order.
    Raises: NotYetDone while the order waits for its admission.
    """
    channel, external_id = document["channel"], document["external_id"]
    order_id, actor = f"{channel}-{external_id}", document.get("actor")
    order = await orders.head(tx, order_id)
    if order is None:
        if actor is None:
            await _refuse_for_good(tx, channel, external_id)
        elif await placement_end(tx, channel, external_id) is None:
            raise NotYetDone(order_id)
        return None
    if order.outcome is not None:
        return None
    if actor is None:
        actor = f"channel:{channel}"
        # A person who cancelled it, too, has said why.
        if await remarks.find(tx, order_id, "cancelled") is None:
            await remarks.keep(tx, Remark(order_id, "cancelled", CANCELLED), actor)
    parts = await fulfillments.of_order(tx, order_id)
    is_done = bool(parts) and not any(part.state in STOPPABLE for part in parts)
    return CancellationNews(order_id, actor, document.get("told_as", CHANNEL_CANCELS), is_done)


async def _refuse_for_good(tx: AsyncConnection, channel: str, external_id: str) -> None:
    """What its admission refused stays so: no other document of it becomes an order.

    Raises: NotYetDone.
    """
    try:
        await refuse_cancelled_order(tx, channel=channel, external_id=external_id)
    except ContentDiffers:
        raise NotYetDone(f"{channel}-{external_id}") from None
