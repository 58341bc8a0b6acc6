"""Closed days count neither for the customer's promise nor against the warehouse."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import WEEKDAYS, Calendar

OFFICE = {day: ["09:00-12:00", "13:00-17:00"] for day in WEEKDAYS[:5]}
MADRID = Calendar("Europe/Madrid", OFFICE, frozenset({date(2026, 12, 8)}), "14:00")
FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)  # an hour behind Madrid
HOUR = 3_600.0
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        (FRIDAY + timedelta(hours=12, minutes=59), 0),
        (FRIDAY + timedelta(hours=13), 3),  # after the cut-off, over the weekend
        (FRIDAY + timedelta(hours=23, minutes=30), 2),  # it is Saturday there
        (FRIDAY + timedelta(days=2), 1),
        (datetime(2026, 12, 7, 15, tzinfo=UTC), 2),  # the next day is a holiday
    ],
)
def test_work_begins_on_the_next_working_day(moment: datetime, days: int) -> None:
    assert MADRID.wait_days(moment) == days


@pytest.mark.parametrize(
    ("calendar", "days"),
    [
        (Calendar(), 0),
        (Calendar(cut_off="14:00"), 1),
        (Calendar(opening=OFFICE), 3),  # after the last hour
        (Calendar(opening={"fri": ["00:00-24:00"]}), 0),
        (Calendar(opening={}), 0),  # it says nothing by never working
        (Calendar(opening={}, cut_off="14:00"), 1),
    ],
)
def test_what_is_not_said_does_not_close(calendar: Calendar, days: int) -> None:
    assert calendar.wait_days(FRIDAY + timedelta(hours=20)) == days


@pytest.mark.parametrize(
    ("since", "given_s", "expected_s"),
    [
        (FRIDAY + timedelta(hours=10), 8 * HOUR, 8 * HOUR),
        (FRIDAY + timedelta(hours=10), DAY, 3 * DAY),
        (FRIDAY + timedelta(hours=16), 8 * HOUR, 8 * HOUR + 2 * DAY),  # Saturday, 01:00 there
        (FRIDAY + timedelta(days=1), DAY, 3 * DAY),  # from Monday on
        (FRIDAY, 2 * DAY, 4 * DAY),
    ],
)
def test_closed_days_are_no_time_to_work(
    since: datetime, given_s: float, expected_s: float
) -> None:
    assert MADRID.within_s(since, given_s) == expected_s


@given(st.floats(0, 90 * DAY), st.integers(0, 400))
def test_who_is_always_open_has_just_the_time_it_is_given(seconds: float, day: int) -> None:
    assert Calendar().within_s(FRIDAY + timedelta(days=day), seconds) == seconds


@given(
    st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    st.sets(st.dates(date(2026, 11, 1), date(2027, 3, 1)), max_size=20),
    st.floats(0, 30 * DAY),
    st.integers(0, 60 * 24),
)
def test_closing_never_leaves_less_time(
    open_on: set[str], holidays: set[date], seconds: float, hour: int
) -> None:
    calendar = Calendar("UTC", {day: ["08:00-18:00"] for day in open_on}, frozenset(holidays))
    since = FRIDAY + timedelta(hours=hour / 24)
    due = since + timedelta(seconds=calendar.within_s(since, seconds))
    assert due >= since + timedelta(seconds=seconds) - timedelta(microseconds=1)
    begins = since.date() + timedelta(days=calendar.wait_days(since))
    assert WEEKDAYS[begins.weekday()] in open_on
    assert begins not in holidays
