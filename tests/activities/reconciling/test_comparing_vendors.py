"""Our records against the vendors' books, difference by difference."""

from types import SimpleNamespace
from typing import Any

import pytest

from activities.reconciling.lines import LabelLine, PushLine
from activities.reconciling.parcels import compare_labels, compare_pushes
from tests.activities.reconciling.rows import HELD, TAKEN, THEIRS_TAKEN, found, label, ours, theirs


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (HELD, {}),
        (TAKEN, THEIRS_TAKEN),
        ({"state": "voided"}, {"status": "voided"}),
        (TAKEN | {"refunded_minor": 900}, THEIRS_TAKEN | {"refunded_minor": 900}),
        ({"state": "pending"}, {"status": "none", "authorized_minor": 0}),
        ({"state": "expired"}, {"status": "none", "authorized_minor": 0}),
    ],
)
def test_equal_books_say_nothing(row: dict[str, Any], line: dict[str, Any]) -> None:
    assert found(ours(**row), theirs(**line), moving=False) == []


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (HELD | {"capturing_minor": 900}, THEIRS_TAKEN),
        (HELD | {"voiding": True}, {"status": "voided"}),
        (TAKEN | {"refunding_minor": 400}, THEIRS_TAKEN | {"refunded_minor": 400}),
        ({"state": "pending"}, {"status": "taken", "captured_minor": 1_000}),
    ],
)
def test_the_vendor_may_be_one_answer_ahead(row: dict[str, Any], line: dict[str, Any]) -> None:
    assert found(ours(**row), theirs(**line)) == []


def test_nobody_is_ahead_once_nothing_runs_for_the_order() -> None:
    row = ours(**HELD, capturing_minor=900)
    assert found(row, theirs(**THEIRS_TAKEN), moving=False) == ["vendor_sums_equal_ours"]


@pytest.mark.parametrize(
    ("row", "line", "rule"),
    [
        (TAKEN, THEIRS_TAKEN | {"captures": 2}, "captured_once"),
        (TAKEN, {}, "vendor_sums_equal_ours"),
        (HELD, THEIRS_TAKEN, "vendor_sums_equal_ours"),
        (TAKEN, THEIRS_TAKEN | {"refunded_minor": 1}, "vendor_sums_equal_ours"),
        (TAKEN | {"refunded_minor": 900}, THEIRS_TAKEN, "vendor_sums_equal_ours"),
        (TAKEN, THEIRS_TAKEN | {"currency": "BRL"}, "vendor_sums_equal_ours"),
        ({"state": "voided"}, {}, "vendor_state_is_ours"),
        (HELD, {"status": "voided"}, "vendor_state_is_ours"),
        (HELD, {"authorized_minor": 999}, "vendor_state_is_ours"),
        ({"state": "expired"}, {"status": "taken", "captured_minor": 1_000},
         "vendor_sums_equal_ours"),
    ],
)  # fmt: skip
def test_a_difference_is_a_violation(row: dict[str, Any], line: dict[str, Any], rule: str) -> None:
    assert found(ours(**row), theirs(**line)) == [rule]


def test_what_the_vendor_does_not_know_is_a_violation_unless_nobody_paid_it() -> None:
    assert found(ours(), None) == ["vendor_knows_the_payment"]
    assert found(ours(state="pending"), None) == []


def test_money_that_we_do_not_know_of_is_a_violation_unless_we_just_asked_for_it() -> None:
    assert found(None, theirs()) == ["vendor_payments_are_ours"]
    assert found(None, theirs(), begun={"shop-1:t1:authorize:1"}) == []
    assert found(None, theirs(status="none", authorized_minor=0)) == []
    assert found(None, theirs(status="voided")) == []


@pytest.mark.parametrize(
    ("row", "line", "rules"),
    [
        ({}, {}, []),
        ({"state": "buying", "tracking_number": None, "is_handed_over": False}, {}, []),
        ({"is_handed_over": False}, {"voided": True}, []),
        ({"state": "voided", "is_handed_over": False}, {"voided": True}, []),
        ({}, {"bought": 2}, ["label_bought_once"]),
        ({}, {"tracking_number": "EZ2"}, ["label_has_one_number"]),
        ({}, {"voided": True}, ["shipped_label_is_valid"]),
        ({"state": "voided", "is_handed_over": False}, {}, ["voided_label_is_void"]),
        ({"state": "created"}, {}, ["bought_label_is_known"]),
        ({"state": "buying", "is_open": False}, {}, ["bought_label_is_known"]),
    ],
)
def test_labels_are_compared(row: dict[str, Any], line: dict[str, Any], rules: list[str]) -> None:
    known = {"shipment": "shp_1", "tracking_number": "EZ1", "voided": False}
    violations = compare_labels([label(**row)], {"shp_1": LabelLine(**known | line)}, is_whole=True)
    assert [violation.rule for violation in violations] == rules


def test_labels_known_to_one_side_only_are_violations() -> None:
    stray = LabelLine("shp_2", "EZ2", voided=False, reference="shop-1:f1:label:1")
    violations = compare_labels([label()], {"shp_2": stray}, is_whole=True)
    rules = {violation.rule for violation in violations}
    assert rules == {"vendor_knows_the_label", "vendor_labels_are_ours"}


@pytest.mark.parametrize(
    ("delivered", "told", "rules"),
    [
        (True, ["EZ1"], []),
        (False, [], []),
        (False, ["EZ1"], []),
        (True, [], ["channel_is_told_once"]),
        (True, ["EZ1", "EZ1"], ["channel_is_told_once"]),
        (True, ["EZ1", "EZ2"], ["channel_was_told_by_us"]),
    ],
)
def test_a_channel_is_told_once(
    delivered: bool,  # noqa: FBT001 - a column of the table above
    told: list[str],
    rules: list[str],
) -> None:
    row = SimpleNamespace(
        key="k",
        channel="shopify",
        external_id="7",
        tracking_number="EZ1",
        is_delivered=delivered,
        is_due=delivered,
    )
    violations = compare_pushes([row], [PushLine("7", number) for number in told], "shopify")
    assert [violation.rule for violation in violations] == rules
