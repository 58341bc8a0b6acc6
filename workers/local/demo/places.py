"""Finds where a Brazilian postcode prefix lies, as exactly as the given points allow."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from workers.local.demo.tables import Row

PREFIX_DIGITS: Final = 5
# Postcodes that share their first digits lie in one region.
REGION_DIGITS: Final = 3
_DIGITS: Final = re.compile(r"^\d{1,5}$")

Point = tuple[float, float]
City = tuple[str, str]  # name in small letters, state


@dataclass(frozen=True)
class Centroid:
    zip_prefix: str
    point: Point
    city: City


def padded(text: str) -> str:
    """A prefix with the leading zeros that spreadsheets drop. Raises: ValueError."""
    digits = text.strip()
    if not _DIGITS.match(digits):
        raise ValueError(f"not a postcode prefix: {text[:80]!r}")
    return digits.zfill(PREFIX_DIGITS)


def parse_centroid(row: Row) -> Centroid:
    """Raises: ValueError for what is no point on earth."""
    latitude, longitude = float(row["lat"]), float(row["lng"])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - degrees
        raise ValueError(f"no point on earth: {latitude}, {longitude}")
    return Centroid(padded(row["zip"]), (latitude, longitude), (row["city"], row["state"]))


class Centroids:
    """The point of a prefix, else the middle of its region, else of its city."""

    def __init__(self, centroids: Iterable[Centroid] = ()) -> None:
        self._exact: dict[str, Point] = {}
        regions: dict[str, list[Point]] = {}
        cities: dict[City, list[Point]] = {}
        for centroid in centroids:
            self._exact[centroid.zip_prefix] = centroid.point
            regions.setdefault(centroid.zip_prefix[:REGION_DIGITS], []).append(centroid.point)
            cities.setdefault(centroid.city, []).append(centroid.point)
        self._regions = {region: _middle(points) for region, points in regions.items()}
        self._cities = {city: _middle(points) for city, points in cities.items()}

    def find(self, zip_prefix: str, city: City) -> Point | None:
        return (
            self._exact.get(zip_prefix)
            or self._regions.get(zip_prefix[:REGION_DIGITS])
            or self._cities.get(city)
        )


def _middle(points: list[Point]) -> Point:
    latitude = sum(point[0] for point in points) / len(points)
    longitude = sum(point[1] for point in points) / len(points)
    return round(latitude, 5), round(longitude, 5)
