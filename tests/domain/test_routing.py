"""Routing covers the demand exactly, with the fewest locations, the nearest of them."""

from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.routing import UNKNOWN_DISTANCE_KM, Candidate, Unroutable, distance_km, route

SKUS = st.sampled_from(["a", "b", "c"])
DEMAND = st.dictionaries(SKUS, st.integers(1, 5), min_size=1)
PLACES = st.lists(
    st.tuples(st.dictionaries(SKUS, st.integers(0, 5)), st.integers(0, 3000)), max_size=5
)


def candidates(places: list[tuple[dict[str, int], int]]) -> list[Candidate]:
    return [Candidate(f"l{i}", levels, km) for i, (levels, km) in enumerate(places)]


def covers(demand: dict[str, int], chosen: tuple[Candidate, ...]) -> bool:
    return all(sum(c.available.get(s, 0) for c in chosen) >= n for s, n in demand.items())


@given(DEMAND, PLACES)
def test_the_plan_is_exact_possible_and_has_the_fewest_splits(
    demand: dict[str, int], places: list[tuple[dict[str, int], int]]
) -> None:
    known = candidates(places)
    assume(covers(demand, tuple(known)))
    plan = route(demand, known)
    available = {c.location: c.available for c in known}
    for sku, wanted in demand.items():
        assert sum(part.units.get(sku, 0) for part in plan) == wanted
    for part in plan:
        assert all(0 < n <= available[part.location][sku] for sku, n in part.units.items())
    fewest = next(
        size
        for size in range(1, len(known) + 1)
        if any(covers(demand, group) for group in combinations(known, size))
    )
    assert len(plan) == fewest


@given(DEMAND, PLACES)
def test_what_cannot_be_covered_is_named(
    demand: dict[str, int], places: list[tuple[dict[str, int], int]]
) -> None:
    known = candidates(places)
    assume(not covers(demand, tuple(known)))
    with pytest.raises(Unroutable) as refused:
        route(demand, known)
    for sku, missing in refused.value.short.items():
        assert missing == demand[sku] - sum(c.available.get(sku, 0) for c in known)


def test_among_equals_the_nearest_ships() -> None:
    far, near = Candidate("far", {"a": 9}, 900), Candidate("near", {"a": 9}, 90)
    assert [part.location for part in route({"a": 1}, [far, near])] == ["near"]


def test_one_far_place_beats_two_near_ones() -> None:
    near = [Candidate("n1", {"a": 1}, 1), Candidate("n2", {"b": 1}, 1)]
    far = Candidate("far", {"a": 1, "b": 1}, 5000)
    assert [part.location for part in route({"a": 1, "b": 1}, [*near, far])] == ["far"]


def test_distances_are_great_circles_and_the_unknown_is_far() -> None:
    assert distance_km((52.52, 13.40), (48.86, 2.35)) == pytest.approx(878, abs=3)
    assert distance_km((None, 1.0), (1.0, 1.0)) == UNKNOWN_DISTANCE_KM
