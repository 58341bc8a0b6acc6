"""The table of holds says of each kind what it blocks, whose it is, and how it ends."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.access import SCOPES
from domain.holds import (
    BY_HAND,
    HOLD_TYPES,
    OVERDUE_OWNERS,
    Transition,
    Trigger,
    blocks_parcels,
    placement_holds,
    within_s,
)
from domain.timings import Timings

NOW = datetime(2026, 11, 25, tzinfo=UTC)
MOMENTS = st.none() | st.timedeltas(timedelta(-300), timedelta(300)).map(lambda off: NOW + off)


def test_the_table_can_be_printed_and_every_kind_is_complete() -> None:
    known = {field.name for field in fields(Timings)}
    for kind, hold in HOLD_TYPES.items():
        assert kind in repr(HOLD_TYPES)
        assert hold.applied_by, kind
        assert hold.blocks, kind
        assert hold.owner, kind
        assert hold.within is None or hold.within in known, kind
        assert hold.release_scope in SCOPES, kind


def test_every_hold_blocks_routing_so_that_none_is_overlooked_before_it() -> None:
    assert all(Transition.ROUTING in hold.blocks for hold in HOLD_TYPES.values())


def test_only_what_has_a_date_of_its_own_has_no_time_limit() -> None:
    unlimited = [kind for kind in HOLD_TYPES if within_s(kind, Timings()) is None]
    assert unlimited == ["preorder_date"]


def test_staff_place_what_no_rule_alone_can_know() -> None:
    assert set(HOLD_TYPES) - set(BY_HAND) == {"grace_period", "preorder_date"}
    assert all(Trigger.HAND in HOLD_TYPES[kind].applied_by for kind in BY_HAND)


def test_a_kind_that_only_blocks_routing_means_nothing_to_a_parcel() -> None:
    assert [kind for kind in HOLD_TYPES if not blocks_parcels(kind)] == [
        "grace_period", "preorder_date", "stock_shortage",
    ]  # fmt: skip


def test_a_review_that_is_overdue_is_its_owners_task() -> None:
    assert OVERDUE_OWNERS["fraud_review_overdue"] == "fraud"


@given(available_from=MOMENTS, grace_s=st.floats(0, 1e6), is_suspicious=st.booleans())
def test_an_order_gets_each_hold_once_and_only_for_its_reason(
    *, available_from: datetime | None, grace_s: float, is_suspicious: bool
) -> None:
    asked = placement_holds(
        now=NOW,
        available_from=available_from,
        grace_s=grace_s,
        review_s=60.0,
        is_suspicious=is_suspicious,
    )
    kinds = [hold.kind for hold in asked]
    assert len(kinds) == len(set(kinds))
    assert ("fraud_review" in kinds) == is_suspicious
    assert ("grace_period" in kinds) == (grace_s > 0)
    assert ("preorder_date" in kinds) == (available_from is not None and available_from > NOW)
    assert all((hold.until is None) != (hold.within_s is None) for hold in asked)


def test_an_order_that_nothing_speaks_against_gets_no_hold() -> None:
    asked = placement_holds(
        now=NOW,
        available_from=NOW - timedelta(days=1),
        grace_s=0.0,
        review_s=60.0,
        is_suspicious=False,
    )
    assert asked == ()
