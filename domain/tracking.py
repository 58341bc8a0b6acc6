"""What a carrier's scans say about a parcel, folded into one status that never goes back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class TrackingStatus(StrEnum):
    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERY_FAILED = "delivery_failed"
    RETURN_TO_SENDER = "return_to_sender"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


# A parcel on its way back is later scanned "delivered", to the sender: that must not read as ours.
TERMINAL: Final = frozenset(
    {TrackingStatus.DELIVERED, TrackingStatus.RETURN_TO_SENDER, TrackingStatus.CANCELLED}
)


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    event_id: str
    status: TrackingStatus
    occurred_at: datetime
    description: str


def fold(current: TrackingStatus, events: Iterable[TrackingEvent]) -> TrackingStatus:
    """The status after `events`, taken by their own time, whatever order they came in.

    Give the whole history where it is known: `current` carries no time, so a late scan given
    alone may replace another open status, though never a terminal one.
    """
    by_id = {event.event_id: event for event in events}
    for event in sorted(by_id.values(), key=lambda each: (each.occurred_at, each.event_id)):
        current = _after(current, event.status)
    return current


def _after(current: TrackingStatus, said: TrackingStatus) -> TrackingStatus:
    if current in TERMINAL or said is TrackingStatus.UNKNOWN:
        return current
    # The label's own scan sometimes bears a later time than the pick-up: it is no way back.
    if said is TrackingStatus.PENDING and current is not TrackingStatus.UNKNOWN:
        return current
    return said
