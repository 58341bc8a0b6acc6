"""The delivery window promised to the customer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.routing import UNKNOWN_DISTANCE_KM

HANDLING_DAYS: Final = (0, 1)
# Farther than (km): fastest and slowest days on the road. Until lanes are measured.
TRANSIT_DAYS: Final = ((0, 1, 3), (150, 2, 4), (600, 3, 6), (1_500, 4, 9), (4_000, 5, 14))
UNKNOWN_DAYS: Final = (3, 9)


@dataclass(frozen=True)
class Promise:
    earliest: datetime
    latest: datetime


def promise(now: datetime, farthest_km: int) -> Promise:
    """Return the window for a whole order: its farthest parcel decides."""
    fastest, slowest = UNKNOWN_DAYS
    if farthest_km < UNKNOWN_DISTANCE_KM:
        _, fastest, slowest = [row for row in TRANSIT_DAYS if row[0] <= farthest_km][-1]
    return Promise(
        earliest=now + timedelta(days=HANDLING_DAYS[0] + fastest),
        latest=now + timedelta(days=HANDLING_DAYS[1] + slowest),
    )
