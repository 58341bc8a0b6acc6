"""Boundaries are enumerated from what a worker serves: nobody has to remember a new activity."""

from workers.local.prove.boundaries import (
    AFTER_CALL,
    AFTER_RECORD,
    BEFORE_CALL,
    BEFORE_RECORD,
    Boundary,
    boundaries,
    enumerate_boundaries,
)
from workflows.messages import CORE_QUEUE
from workflows.steps.call import PAYMENTS_QUEUE


async def reckon() -> None: ...


async def charge() -> None: ...


def test_a_step_at_a_vendor_can_break_before_and_after_the_call_and_after_its_record() -> None:
    found = set(enumerate_boundaries({CORE_QUEUE: [reckon], PAYMENTS_QUEUE: [charge]}))
    assert {Boundary("charge", each) for each in (BEFORE_CALL, AFTER_CALL, AFTER_RECORD)} <= found
    assert {Boundary("reckon", each) for each in (BEFORE_RECORD, AFTER_RECORD)} <= found
    assert not {Boundary("reckon", BEFORE_CALL), Boundary("charge", BEFORE_RECORD)} & found


def test_what_the_core_queue_serves_for_a_vendors_step_is_still_a_vendors_step() -> None:
    found = enumerate_boundaries({CORE_QUEUE: [charge], PAYMENTS_QUEUE: [charge]})
    assert [each.moment for each in found if each.activity == "charge"] == [
        AFTER_CALL,
        AFTER_RECORD,
        BEFORE_CALL,
    ]


async def test_every_activity_of_the_product_has_its_boundaries() -> None:
    names = {each.activity for each in await boundaries()}
    assert {"take", "capture", "buy_label", "hand_over", "reserve", "outbox"} <= names
