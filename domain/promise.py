"""The delivery window promised to the customer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.routing import Sourced
from domain.transit import days_on_the_road

HANDLING_DAYS: Final = (0, 1)


@dataclass(frozen=True)
class Promise:
    earliest: datetime
    latest: datetime


def promise(now: datetime, parcels: Iterable[Sourced]) -> Promise:
    """Return the window for a whole order: its slowest parcel decides."""
    days = [
        (parcel.wait_days + fastest, parcel.wait_days + slowest)
        for parcel in parcels
        for fastest, slowest in (days_on_the_road(parcel.distance_km),)
    ]
    return Promise(
        earliest=now + timedelta(days=HANDLING_DAYS[0] + max(fastest for fastest, _ in days)),
        latest=now + timedelta(days=HANDLING_DAYS[1] + max(slowest for _, slowest in days)),
    )
