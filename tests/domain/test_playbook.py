"""Each trouble of a parcel has its time, its act and those it tells."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.playbook import (
    MOVING,
    RULES,
    UNSEEN,
    Does,
    Facts,
    Patience,
    Play,
    due,
    is_over,
    late_from,
    next_at,
    remedy,
)
from domain.tracking import TrackingStatus as Status

GONE = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PATIENCE = Patience(no_scan_s=3 * 86_400, stalled_s=7 * 86_400, lost_s=21 * 86_400)


def facts(status: Status, scanned_day: float | None = None, **more: object) -> Facts:
    scan = None if scanned_day is None else GONE + scanned_day * DAY
    return Facts(status, GONE, scan, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parcel", "day", "plays"),
    [
        (facts(Status.PENDING), 2.9, ()),
        (facts(Status.PENDING), 3, (Play.NO_FIRST_SCAN,)),
        (facts(Status.UNKNOWN), 3, (Play.NO_FIRST_SCAN,)),
        (facts(Status.IN_TRANSIT, 1), 7.9, ()),
        (facts(Status.IN_TRANSIT, 1), 8, (Play.STALLED,)),
        (facts(Status.OUT_FOR_DELIVERY, 2), 9, (Play.STALLED,)),
        (facts(Status.READY_FOR_PICKUP, 2), 9, ()),
        (facts(Status.IN_TRANSIT, 20), 21, (Play.LOST,)),
        (facts(Status.IN_TRANSIT, 4, late_from=GONE + 5 * DAY), 4.9, ()),
        (facts(Status.IN_TRANSIT, 4, late_from=GONE + 5 * DAY), 5, (Play.DELAYED,)),
        (facts(Status.DELIVERY_FAILED, 2), 2, (Play.DELIVERY_FAILED,)),
        (facts(Status.RETURN_TO_SENDER, 2), 2, (Play.RETURNED_TO_SENDER,)),
        (facts(Status.DAMAGED, 2), 2, (Play.DAMAGED,)),
        (facts(Status.LOST, 2), 2, (Play.LOST,)),
        (facts(Status.DAMAGED, 2), 30, (Play.DAMAGED, Play.LOST)),
        (facts(Status.DELIVERED, 2), 30, ()),
        (facts(Status.IN_TRANSIT, 1, done=frozenset({Play.STALLED})), 8, ()),
    ],
)
def test_a_trouble_is_due_at_its_time(parcel: Facts, day: float, plays: tuple[Play, ...]) -> None:
    assert due(parcel, PATIENCE, GONE + day * DAY) == plays


@given(
    st.sampled_from(Status),
    st.none() | st.floats(0, 30),
    st.none() | st.floats(0, 30),
    st.sets(st.sampled_from(Play)),
    st.floats(0, 40),
)
def test_what_is_done_is_never_due_and_the_clock_is_set_for_what_comes(
    status: Status, scanned: float | None, late: float | None, done: set[Play], day: float
) -> None:
    promised = None if late is None else GONE + late * DAY
    parcel = facts(status, scanned, late_from=promised, done=frozenset(done))
    now = GONE + day * DAY
    plays = due(parcel, PATIENCE, now)
    assert not set(plays) & done
    assert list(plays) == sorted(plays, key=list(RULES).index)
    coming = next_at(parcel, PATIENCE, now)
    if coming is not None:
        assert coming > now
        assert len(due(parcel, PATIENCE, coming)) > len(plays)


@pytest.mark.parametrize(
    ("policy", "value", "replaces", "does"),
    [
        ("ask", 0, None, Does.ASK),
        ("reship", 5_000, None, Does.RESHIP),
        ("reship", 5_001, None, Does.ASK),
        ("reship", 100, "f1", Does.ASK),
        ("refund", 100, None, Does.REFUND),
        ("refund", 100, "f1", Does.REFUND),
    ],
)
def test_a_remedy_goes_by_policy_and_value(
    policy: str, value: int, replaces: str | None, does: Does
) -> None:
    assert remedy(policy, value, 5_000, is_replacement=replaces is not None) is does


def test_a_trouble_that_ends_by_itself_is_over() -> None:
    over = {(play, status) for play in Play for status in Status if is_over(play, status)}
    assert {status for play, status in over if play is Play.DELIVERY_FAILED} == MOVING
    assert {status for play, status in over if play is Play.NO_FIRST_SCAN} == (
        set(Status) - UNSEEN - {Status.CANCELLED}
    )
    assert {play for play, _ in over} == {Play.DELIVERY_FAILED, Play.NO_FIRST_SCAN}


def test_a_promised_day_is_as_long_as_the_calendar_says() -> None:
    assert late_from(GONE, GONE + 5 * DAY, 86_400) == GONE + 5 * DAY
    assert late_from(GONE, GONE + 5 * DAY, 2) == GONE + timedelta(seconds=10)


def test_every_trouble_has_a_rule_and_tells_somebody() -> None:
    assert set(RULES) == set(Play)
    assert all(rule.tells for rule in RULES.values())
