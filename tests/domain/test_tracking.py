"""Scans fold into one status: by their own time, never back from the end, repeats no news."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.tracking import TERMINAL, TrackingEvent, TrackingStatus, fold

START = datetime(2026, 11, 22, tzinfo=UTC)


def scan(status: TrackingStatus, hour: int = 0, event_id: str | None = None) -> TrackingEvent:
    when = START + timedelta(hours=hour)
    return TrackingEvent(event_id or f"{status}-{hour}", status, when, "")


events = st.lists(st.builds(scan, st.sampled_from(TrackingStatus), st.integers(0, 9)), max_size=8)


def test_the_latest_scan_counts_not_the_last_to_arrive():
    late = [scan(TrackingStatus.OUT_FOR_DELIVERY, 9), scan(TrackingStatus.IN_TRANSIT, 3)]
    assert fold(TrackingStatus.PENDING, late) is TrackingStatus.OUT_FOR_DELIVERY


def test_a_failed_attempt_may_be_followed_by_another():
    again = [scan(TrackingStatus.DELIVERY_FAILED, 1), scan(TrackingStatus.OUT_FOR_DELIVERY, 2)]
    assert fold(TrackingStatus.IN_TRANSIT, again) is TrackingStatus.OUT_FOR_DELIVERY


def test_delivered_back_to_the_sender_is_not_delivered():
    back = [scan(TrackingStatus.RETURN_TO_SENDER, 1), scan(TrackingStatus.DELIVERED, 2)]
    assert fold(TrackingStatus.IN_TRANSIT, back) is TrackingStatus.RETURN_TO_SENDER


def test_an_unknown_scan_claims_nothing():
    assert fold(TrackingStatus.IN_TRANSIT, [scan(TrackingStatus.UNKNOWN)]) is (
        TrackingStatus.IN_TRANSIT
    )


def test_a_label_scan_with_a_late_clock_is_no_way_back():
    scans = [scan(TrackingStatus.IN_TRANSIT, 1), scan(TrackingStatus.PENDING, 2)]
    assert fold(TrackingStatus.PENDING, scans) is TrackingStatus.IN_TRANSIT


def test_a_label_scan_ends_not_knowing():
    assert fold(TrackingStatus.UNKNOWN, [scan(TrackingStatus.PENDING)]) is TrackingStatus.PENDING


@given(events, st.randoms())
def test_the_order_of_arrival_never_matters(scans, dice):
    mixed = scans * 2
    dice.shuffle(mixed)
    assert fold(TrackingStatus.PENDING, mixed) is fold(TrackingStatus.PENDING, scans)


@given(st.sampled_from(sorted(TERMINAL)), events)
def test_nothing_follows_an_end(end, scans):
    assert fold(end, scans) is end


@given(events)
def test_repeats_are_no_news(scans):
    once = fold(TrackingStatus.PENDING, scans)
    assert fold(TrackingStatus.PENDING, [*scans, *scans]) is once


def test_scans_of_one_second_are_taken_in_the_order_of_a_journey() -> None:
    hurt = [scan(TrackingStatus.DAMAGED, 1, "a"), scan(TrackingStatus.IN_TRANSIT, 1, "b")]
    assert fold(TrackingStatus.PENDING, hurt) is TrackingStatus.DAMAGED
    back = [scan(TrackingStatus.DELIVERED, 1, "a"), scan(TrackingStatus.RETURN_TO_SENDER, 1, "b")]
    assert fold(TrackingStatus.PENDING, back) is TrackingStatus.RETURN_TO_SENDER
