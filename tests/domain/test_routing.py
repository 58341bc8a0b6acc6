"""Routing covers the demand exactly, with the fewest locations, the nearest of them."""

from collections.abc import Iterable
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.routing import Candidate, Unroutable, distance_km, route
from domain.transit import UNKNOWN_DISTANCE_KM, days_on_the_road

SKUS = st.sampled_from(["a", "b", "c"])
DEMAND = st.dictionaries(SKUS, st.integers(1, 5), min_size=1)
Place = tuple[dict[str, int], int, int]
PLACES = st.lists(
    st.tuples(st.dictionaries(SKUS, st.integers(0, 5)), st.integers(0, 3000), st.integers(0, 4)),
    max_size=5,
)


def candidates(places: list[Place]) -> list[Candidate]:
    return [
        Candidate(f"l{number}", levels, km, wait_days)
        for number, (levels, km, wait_days) in enumerate(places)
    ]


def last_day(places: Iterable[Any]) -> int:
    return max(place.wait_days + days_on_the_road(place.distance_km)[1] for place in places)


def covers(demand: dict[str, int], chosen: tuple[Candidate, ...]) -> bool:
    return all(sum(c.available.get(s, 0) for c in chosen) >= n for s, n in demand.items())


@given(DEMAND, PLACES)
def test_the_plan_is_exact_possible_and_has_the_fewest_splits(
    demand: dict[str, int], places: list[Place]
) -> None:
    known = candidates(places)
    assume(covers(demand, tuple(known)))
    plan = route(demand, known)
    available = {c.location: c.available for c in known}
    for sku, wanted in demand.items():
        assert sum(part.units.get(sku, 0) for part in plan) == wanted
    for part in plan:
        assert all(0 < n <= available[part.location][sku] for sku, n in part.units.items())
    best = min(
        (size, last_day(group), sum(c.distance_km for c in group))
        for size in range(1, len(known) + 1)
        for group in combinations(known, size)
        if covers(demand, group)
    )
    assert (len(plan), last_day(plan), sum(part.distance_km for part in plan)) == best
    assert route(demand, known[::-1]) == plan


@given(DEMAND, PLACES)
def test_what_cannot_be_covered_is_named(demand: dict[str, int], places: list[Place]) -> None:
    known = candidates(places)
    assume(not covers(demand, tuple(known)))
    with pytest.raises(Unroutable) as refused:
        route(demand, known)
    there = {sku: sum(c.available.get(sku, 0) for c in known) for sku in demand}
    assert refused.value.short == {
        sku: wanted - there[sku] for sku, wanted in demand.items() if wanted > there[sku]
    }


def test_among_equals_the_nearest_ships() -> None:
    far, near = Candidate("far", {"a": 9}, 900), Candidate("near", {"a": 9}, 90)
    assert [part.location for part in route({"a": 1}, [far, near])] == ["near"]


def test_who_is_closed_does_not_ship_what_another_brings_sooner() -> None:
    closed, far = Candidate("closed", {"a": 9}, 90, 3), Candidate("far", {"a": 9}, 500)
    assert [part.location for part in route({"a": 1}, [closed, far])] == ["far"]
    nobody_knows = Candidate("unknown", {"a": 9}, UNKNOWN_DISTANCE_KM)
    assert [part.location for part in route({"a": 1}, [closed, nobody_knows])] == ["closed"]


def test_places_as_near_as_each_other_are_taken_by_name() -> None:
    places = [Candidate(name, {"a": 1}, 5) for name in ("c", "a", "b")]
    assert [part.location for part in route({"a": 2}, places)] == ["a", "b"]


def test_no_demand_needs_no_location() -> None:
    assert route({}, [Candidate("l", {"a": 1}, 5)]) == ()


def test_goods_nobody_has_are_missing_whole() -> None:
    with pytest.raises(Unroutable) as refused:
        route({"a": 2, "b": 1}, [Candidate("l", {"b": 0}, 5)])
    assert refused.value.short == {"a": 2, "b": 1}


@pytest.mark.parametrize("crowd", [60, 200])
def test_a_crowd_of_locations_is_searched_greedily_and_exactly(crowd: int) -> None:
    """Beyond the exact search's limit the plan still takes what is wanted and not a unit more."""
    skus = [f"s{number}" for number in range(8)]
    places = [Candidate(f"l{n:03}", {skus[n % 8]: 1 + n % 3}, n) for n in range(crowd)]
    demand = dict.fromkeys(skus, 5)
    plan = route(demand, places)
    for sku in skus:
        assert sum(part.units.get(sku, 0) for part in plan) == 5
    taken = [(part, sku) for part, sku in product(plan, skus) if sku in part.units]
    levels = {place.location: place.available for place in places}
    assert all(part.units[sku] <= levels[part.location][sku] for part, sku in taken)
    assert [part.distance_km for part in plan] == sorted(part.distance_km for part in plan)


def test_the_greedy_search_leaves_out_what_nearer_places_made_needless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The biggest comes first, and by the end others hold all of what it was chosen for."""
    monkeypatch.setattr("domain.routing.MOST_COMBINATIONS", 0)
    big = Candidate("big", {"a": 2, "b": 2}, 900)
    near = [Candidate("n1", {"a": 2, "c": 1}, 1), Candidate("n2", {"b": 2, "d": 1}, 2)]
    plan = route({"a": 2, "b": 2, "c": 1, "d": 1}, [big, *near])
    assert [part.location for part in plan] == ["n1", "n2"]


def test_one_far_place_beats_two_near_ones() -> None:
    near = [Candidate("n1", {"a": 1}, 1), Candidate("n2", {"b": 1}, 1)]
    far = Candidate("far", {"a": 1, "b": 1}, 5000)
    assert [part.location for part in route({"a": 1, "b": 1}, [*near, far])] == ["far"]


def test_distances_are_great_circles_and_the_unknown_is_far() -> None:
    assert distance_km((52.52, 13.40), (48.86, 2.35)) == pytest.approx(878, abs=3)
    assert distance_km((None, 1.0), (1.0, 1.0)) == UNKNOWN_DISTANCE_KM
    assert distance_km((1.0, 1.0), (1.0, None)) == UNKNOWN_DISTANCE_KM


COORDINATES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(COORDINATES, COORDINATES)
def test_a_distance_is_the_same_both_ways_and_at_most_half_the_earth(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    assert distance_km(one, one) == 0
    assert distance_km(one, other) == distance_km(other, one)
    assert 0 <= distance_km(one, other) <= 20_016 < UNKNOWN_DISTANCE_KM
