"""Several wishes at once are granted as if each had come by itself, in turn."""

from hypothesis import given
from hypothesis import strategies as st

from domain.reserving import Granted, Wish, grant_in_turn

SKUS = ("a", "b", "c")
POOLS = ("north", "south")

wishes = st.lists(
    st.builds(
        Wish,
        pool=st.sampled_from(POOLS),
        buffer=st.integers(0, 2),
        demand=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1),
        takes_less=st.booleans(),
        store=st.sampled_from((None, None, "corner")),
    ),
    max_size=8,
)
levels = st.dictionaries(
    st.tuples(st.sampled_from(POOLS), st.sampled_from(SKUS)), st.integers(-2, 9)
)
stores = st.dictionaries(st.tuples(st.just("corner"), st.sampled_from(SKUS)), st.integers(-1, 5))


@given(wishes, levels, stores)
def test_together_is_one_after_another(
    asked: list[Wish], free: dict[tuple[str, str], int], in_store: dict[tuple[str, str], int]
) -> None:
    together = grant_in_turn(asked, free, in_store)
    left, left_in_store = dict(free), dict(in_store)
    for wish, answer in zip(asked, together, strict=True):
        assert grant_in_turn([wish], left, left_in_store) == (answer,)
        for sku, units in answer.held.items():
            left[wish.pool, sku] -= units
            if wish.store:
                left_in_store[wish.store, sku] -= units


@given(wishes, levels, stores)
def test_nobody_gets_what_is_not_there(
    asked: list[Wish], free: dict[tuple[str, str], int], in_store: dict[tuple[str, str], int]
) -> None:
    taken = dict.fromkeys(free, 0)
    for wish, answer in zip(asked, grant_in_turn(asked, free, in_store), strict=True):
        assert answer.held == wish.demand or answer.short
        assert not answer.held or not answer.short or wish.takes_less
        for sku, units in answer.held.items():
            assert 0 < units <= wish.demand[sku]
            taken[wish.pool, sku] += units
            assert taken[wish.pool, sku] <= free[wish.pool, sku] - wish.buffer


def test_who_gets_nothing_takes_nothing_from_those_who_follow() -> None:
    asked = [
        Wish("north", 0, {"a": 1, "b": 1}),
        Wish("north", 0, {"a": 2}),
        Wish("north", 0, {"a": 1}),
    ]
    assert grant_in_turn(asked, {("north", "a"): 2, ("north", "b"): 0}, {}) == (
        Granted({}, ("b",)),
        Granted({"a": 2}),
        Granted({}, ("a",)),
    )


def test_who_waits_for_the_rest_takes_what_is_free() -> None:
    asked = [Wish("north", 1, {"a": 5, "b": 1}, takes_less=True)]
    assert grant_in_turn(asked, {("north", "a"): 3, ("north", "b"): 1}, {}) == (
        Granted({"a": 2}, ("a", "b")),
    )


def test_what_a_store_has_is_promised_once() -> None:
    asked = [Wish("north", 0, {"a": 1}, store="corner") for _ in range(2)]
    answers = grant_in_turn(asked, {("north", "a"): 9}, {("corner", "a"): 1})
    assert answers == (Granted({"a": 1}), Granted({}, ("a",)))


def test_what_no_level_has_is_not_sold_even_to_who_wants_it_all() -> None:
    asked = [Wish("north", 0, {"a": 1, "new": 1}, takes_less=True)]
    assert grant_in_turn(asked, {("north", "a"): 1}, {}) == (Granted({"a": 1}, ("new",)),)
