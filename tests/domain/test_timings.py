"""One factor compresses the whole calendar, but neither machines nor people."""

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from domain.timings import (
    DAY,
    SHORTEST_ATTEMPT_S,
    SHORTEST_FOR_PEOPLE_S,
    SHORTEST_PATIENCE_S,
    SHORTEST_S,
    Timings,
)

FOR_PEOPLE = (
    "pick_s", "pack_s", "exception_s", "hold_s", "review_s", "correction_s", "authorization_s",
    "return_review_s", "inspection_s",
)  # fmt: skip
FLOORS = dict.fromkeys(FOR_PEOPLE, SHORTEST_FOR_PEOPLE_S) | {
    "vendor_attempt_s": SHORTEST_ATTEMPT_S,
    "scorer_s": SHORTEST_ATTEMPT_S,
    "pickup_s": SHORTEST_FOR_PEOPLE_S,
    "vendor_patience_s": SHORTEST_PATIENCE_S,
    "reservation_s": SHORTEST_PATIENCE_S,
}


def test_the_factor_one_is_real_time() -> None:
    assert Timings().scaled(1) == Timings()


def test_the_days_on_the_slip_are_never_divided() -> None:
    fast = Timings().scaled(DAY)
    assert fast.slip_days == Timings().slip_days
    assert fast.slip_expiry_s == 3


@given(st.floats(1, 1e9))
def test_every_wait_shrinks_to_its_floor_and_no_further(factor: float) -> None:
    scaled = asdict(Timings().scaled(factor))
    for name, real in asdict(Timings()).items():
        if name.endswith("_s") and real:
            assert scaled[name] == max(real / factor, FLOORS.get(name, SHORTEST_S))


@given(st.floats(1, 1e9))
def test_stock_is_held_at_least_as_long_as_vendors_are_waited_for(factor: float) -> None:
    scaled = Timings().scaled(factor)
    assert scaled.reservation_s >= scaled.vendor_patience_s


@given(st.floats(1, 1e9))
def test_what_is_off_stays_off(factor: float) -> None:
    assert Timings().scaled(factor).grace_s == 0
