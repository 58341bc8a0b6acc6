"""What one look at somebody's books differs in from ours, each with both sides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.connectors.channel.port import ChannelOrder
from activities.reconciling import money, parcels
from activities.reconciling.books import LABELS, ORDERS, PAYMENTS, LookAt
from activities.reconciling.lines import LabelLine, PaymentLine, push_lines
from activities.reconciling.violation import Violation
from db.queries import audit, reconciliation
from db.queries.audit import Window

# Our clock and the vendor's: what we began near the window's edge may be outside at the vendor.
EDGE: Final = timedelta(hours=1)
# Vendors' books are read over this window alone, so nothing in it is too old to be asked about.
ANY_AGE_DAYS: Final = 36_500


async def compare(
    tx: AsyncConnection, look: LookAt, lines: list[dict[str, Any]]
) -> list[Violation]:
    """Compare what was read with one snapshot of the database."""
    if look.scope == PAYMENTS:
        return await _payments(tx, look, [PaymentLine(**line) for line in lines])
    if look.scope == LABELS:
        return await _labels(tx, look, [LabelLine(**line) for line in lines])
    assert look.scope.startswith(ORDERS), look.scope
    return await _orders(tx, look, [_channel_order(line) for line in lines])


async def _payments(
    tx: AsyncConnection, look: LookAt, lines: Sequence[PaymentLine]
) -> list[Violation]:
    theirs = {line.ref: line for line in lines}
    ours = await audit.money_at_vendors(tx, ANY_AGE_DAYS, _window(look, theirs))
    found = money.compare(
        ours,
        theirs,
        is_whole=True,
        begun=await audit.begun_keys(tx),
        in_motion={row.order_id for row in ours if row.is_open or row.was_just_asked},
    )
    keys = [each.theirs["key"] for each in found if each.ours is None and each.theirs]
    known = await reconciliation.intents_by_key(tx, keys)
    return [_with_ours(each, known, "key") for each in found]


async def _labels(tx: AsyncConnection, look: LookAt, lines: Sequence[LabelLine]) -> list[Violation]:
    theirs = {line.shipment: line for line in lines}
    ours = await audit.labels_at_vendors(tx, ANY_AGE_DAYS, _window(look, theirs))
    found = parcels.compare_labels(ours, theirs, is_whole=True)
    keys = [each.theirs["reference"] for each in found if each.ours is None and each.theirs]
    known = await reconciliation.labels_by_key(tx, [key for key in keys if key])
    return [_with_ours(each, known, "reference") for each in found]


async def _orders(
    tx: AsyncConnection, look: LookAt, orders: Sequence[ChannelOrder]
) -> list[Violation]:
    ripe = look.until - timedelta(seconds=look.grace_s)
    due = [each for each in orders if each.is_ready and each.updated_at < ripe]
    here = await reconciliation.received(tx, look.channel, [each.external_id for each in due])
    found = [
        Violation("channel_orders_are_ours", each.external_id, "in the channel, not here").between(
            None, {"external_id": each.external_id, "updated_at": each.updated_at}
        )
        for each in due
        if each.external_id not in here
    ]
    found += await _cancellations(tx, look, orders, ripe)
    # Of some orders the channel does not show every fulfillment.
    partial = {each.external_id for each in orders if each.tracking_numbers is None}
    window = _window(look, {each.external_id: each for each in orders})
    pushes = [
        row for row in await audit.channel_pushes(tx, window) if row.external_id not in partial
    ]
    told = [line for each in orders for line in push_lines(each)]
    return found + parcels.compare_pushes(pushes, told, look.channel)


async def _cancellations(
    tx: AsyncConnection, look: LookAt, orders: Sequence[ChannelOrder], ripe: datetime
) -> list[Violation]:
    """What the channel cancelled and we did not, or could not: some of it may have left before."""
    theirs = {
        each.external_id: each.cancelled_at
        for each in orders
        if each.cancelled_at is not None and each.cancelled_at < ripe
    }
    ours = await reconciliation.not_cancelled(tx, look.channel, list(theirs))
    return [
        Violation(
            "channel_cancellations_are_followed",
            row.order_id,
            f"cancelled in the channel, {row.outcome or 'open'} here",
        ).between(
            {"order_id": row.order_id, "outcome": row.outcome},
            {"external_id": row.external_id, "cancelled_at": theirs[row.external_id]},
        )
        for row in ours
    ]


def _window(look: LookAt, theirs: dict[str, Any]) -> Window:
    return Window(look.since + EDGE, look.until, list(theirs))


def _with_ours(found: Violation, known: dict[str, dict[str, Any]], name: str) -> Violation:
    """Show what we do know of a thing whose own row we lack."""
    if found.ours is not None or found.theirs is None:
        return found
    return replace(found, ours=known.get(found.theirs[name]))


def _channel_order(line: dict[str, Any]) -> ChannelOrder:
    numbers, cancelled_at = line["tracking_numbers"], line.get("cancelled_at")
    return ChannelOrder(
        external_id=line["external_id"],
        updated_at=datetime.fromisoformat(line["updated_at"]),
        is_ready=line["is_ready"],
        tracking_numbers=None if numbers is None else tuple(numbers),
        cancelled_at=None if cancelled_at is None else datetime.fromisoformat(cancelled_at),
    )
