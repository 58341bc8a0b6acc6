"""How many days a parcel is on the road."""

from typing import Final

# A place nobody knows is farther than any that is known.
UNKNOWN_DISTANCE_KM: Final = 40_000
# Farther than (km): fastest and slowest days. Until lanes are measured.
TRANSIT_DAYS: Final = ((0, 1, 3), (150, 2, 4), (600, 3, 6), (1_500, 4, 9), (4_000, 5, 14))
UNKNOWN_DAYS: Final = (3, 9)


def days_on_the_road(distance_km: int) -> tuple[int, int]:
    """Return the fastest and the slowest."""
    if distance_km >= UNKNOWN_DISTANCE_KM:
        return UNKNOWN_DAYS
    _, fastest, slowest = [row for row in TRANSIT_DAYS if row[0] <= distance_km][-1]
    return fastest, slowest
