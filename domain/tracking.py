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
    DAMAGED = "damaged"
    LOST = "lost"  # the carrier says so; it may turn up
    RETURN_TO_SENDER = "return_to_sender"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


# A parcel on its way back is later scanned "delivered", to the sender: that must not read as ours.
TERMINAL: Final = frozenset(
    {TrackingStatus.DELIVERED, TrackingStatus.RETURN_TO_SENDER, TrackingStatus.CANCELLED}
)
# In what order scans of the same second are taken: many carriers' clocks have no finer hand.
_JOURNEY: Final = (
    TrackingStatus.PENDING,
    TrackingStatus.IN_TRANSIT,
    TrackingStatus.OUT_FOR_DELIVERY,
    TrackingStatus.READY_FOR_PICKUP,
    TrackingStatus.DELIVERY_FAILED,
    TrackingStatus.DAMAGED,
    TrackingStatus.LOST,
    TrackingStatus.RETURN_TO_SENDER,
    TrackingStatus.DELIVERED,
    TrackingStatus.CANCELLED,
    TrackingStatus.UNKNOWN,
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
    for event in sorted(by_id.values(), key=_moment):
        current = _after(current, event.status)
    return current


def _moment(event: TrackingEvent) -> tuple[datetime, int, str]:
    return event.occurred_at, _JOURNEY.index(event.status), event.event_id


def _after(current: TrackingStatus, said: TrackingStatus) -> TrackingStatus:
    if current in TERMINAL or said is TrackingStatus.UNKNOWN:
        return current
    # The label's own scan sometimes bears a later time than the pick-up: it is no way back.
    if said is TrackingStatus.PENDING and current is not TrackingStatus.UNKNOWN:
        return current
    return said
