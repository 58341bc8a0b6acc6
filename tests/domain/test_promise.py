"""The promise is a window that only grows with the distance."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.promise import Promise, promise
from domain.routing import Sourced
from domain.transit import UNKNOWN_DISTANCE_KM

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DISTANCES = st.integers(0, UNKNOWN_DISTANCE_KM - 1)


def window_of(km: int, wait_days: int = 0) -> Promise:
    return promise(NOW, [Sourced("l", km, {"a": 1}, wait_days=wait_days)])


@pytest.mark.parametrize(
    ("km", "days"),
    [
        (0, (1, 4)), (149, (1, 4)), (150, (2, 5)), (599, (2, 5)), (600, (3, 7)), (1_500, (4, 10)),
        (4_000, (5, 15)), (20_000, (5, 15)), (UNKNOWN_DISTANCE_KM, (3, 10)),
    ],
)  # fmt: skip
def test_each_distance_has_its_days(km: int, days: tuple[int, int]) -> None:
    window = window_of(km)
    assert (window.earliest - NOW, window.latest - NOW) == tuple(timedelta(day) for day in days)


@given(DISTANCES, DISTANCES)
def test_what_is_farther_is_never_promised_sooner(one: int, other: int) -> None:
    near, far = window_of(min(one, other)), window_of(max(one, other))
    assert NOW < near.earliest < near.latest
    assert near.earliest <= far.earliest
    assert near.latest <= far.latest


def test_the_slowest_parcel_decides_and_closed_days_count() -> None:
    near, far = Sourced("n", 0, {"a": 1}, wait_days=4), Sourced("f", 700, {"b": 1})
    window = promise(NOW, [near, far])
    assert (window.earliest - NOW, window.latest - NOW) == (timedelta(5), timedelta(8))
