"""Routing: which location ships which units.

Availability, then fewest splits, then the day on which the last parcel comes, then distance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import asin, cos, radians, sin, sqrt
from typing import Final

from domain.calendar import Work
from domain.transit import UNKNOWN_DISTANCE_KM, days_on_the_road

EARTH_RADIUS_KM: Final = 6371.0
# Beyond this many combinations the exact search gives way to the greedy one.
MOST_COMBINATIONS: Final = 20_000

Coordinates = tuple[float | None, float | None]


@dataclass(frozen=True)
class Candidate:
    """`wait_days`: until work on what comes now begins there."""

    location: str
    available: Mapping[str, int]  # units free per SKU
    distance_km: int
    wait_days: int = 0
    work: Work | None = None


@dataclass(frozen=True)
class Sourced:
    location: str
    distance_km: int
    units: Mapping[str, int]
    is_waiting: bool = False  # for units that are still to come there
    wait_days: int = 0
    work: Work | None = None

    def within_s(self, seconds: float) -> float:
        """So many seconds of its working days, from now."""
        return seconds if self.work is None else self.work.within_s(seconds)


class Unroutable(ValueError):
    """No set of locations covers the demand; `short` says what is missing."""

    def __init__(self, short: Mapping[str, int]) -> None:
        super().__init__(f"no location has {dict(short)}")
        self.short = dict(short)


def distance_km(start: Coordinates, end: Coordinates) -> int:
    """Return the great-circle distance, or UNKNOWN_DISTANCE_KM."""
    if None in start or None in end:
        return UNKNOWN_DISTANCE_KM
    (lat1, lon1), (lat2, lon2) = (
        (radians(place[0] or 0), radians(place[1] or 0)) for place in (start, end)
    )
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, half))))


def route(demand: Mapping[str, int], candidates: Sequence[Candidate]) -> tuple[Sourced, ...]:
    """Choose the fewest locations that cover the demand; among equals the earliest, the nearest.

    Raises: Unroutable when all locations together are not enough.
    """
    useful = sorted(
        (c for c in candidates if any(c.available.get(sku, 0) > 0 for sku in demand)),
        key=lambda c: (c.distance_km, c.location),
    )
    short = _missing(demand, useful)
    if short:
        raise Unroutable(short)
    return _take(demand, _fewest(demand, useful))


def _missing(demand: Mapping[str, int], chosen: Sequence[Candidate]) -> dict[str, int]:
    left = {
        sku: wanted - sum(c.available.get(sku, 0) for c in chosen) for sku, wanted in demand.items()
    }
    return {sku: units for sku, units in left.items() if units > 0}


def _fewest(demand: Mapping[str, int], useful: Sequence[Candidate]) -> Sequence[Candidate]:
    tried = 0
    for size in range(1, len(useful) + 1):
        covering = []
        for group in combinations(useful, size):
            tried += 1
            if tried > MOST_COMBINATIONS:
                return _greedy(demand, useful)
            if not _missing(demand, group):
                covering.append(group)
        if covering:
            return min(covering, key=_merit)
    return useful


def _merit(group: Sequence[Candidate]) -> tuple[int, int]:
    """The day of the last parcel, and all kilometres together: less is better."""
    return max(map(_slowest_days, group)), sum(place.distance_km for place in group)


def _slowest_days(place: Candidate) -> int:
    """A place nobody knows is as slow as the farthest."""
    _, slowest = days_on_the_road(min(place.distance_km, UNKNOWN_DISTANCE_KM - 1))
    return place.wait_days + slowest


def _greedy(demand: Mapping[str, int], useful: Sequence[Candidate]) -> Sequence[Candidate]:
    chosen: list[Candidate] = []
    left = dict(demand)
    rest = list(useful)
    while left:
        best = max(rest, key=lambda c: sum(min(n, c.available.get(s, 0)) for s, n in left.items()))
        rest.remove(best)
        chosen.append(best)
        left = _missing(demand, chosen)
    return sorted(chosen, key=lambda c: (c.distance_km, c.location))


def _take(demand: Mapping[str, int], chosen: Sequence[Candidate]) -> tuple[Sourced, ...]:
    left = dict(demand)
    plan = []
    for candidate in chosen:
        units = {sku: min(wanted, candidate.available.get(sku, 0)) for sku, wanted in left.items()}
        taken = {sku: count for sku, count in units.items() if count > 0}
        for sku, count in taken.items():
            left[sku] -= count
        if taken:
            plan.append(
                Sourced(
                    candidate.location,
                    candidate.distance_km,
                    taken,
                    wait_days=candidate.wait_days,
                    work=candidate.work,
                )
            )
    assert not any(left.values()), "the remainder is threaded through every location"
    return tuple(plan)
