"""Our records against the vendors' books, difference by difference."""

from types import SimpleNamespace
from typing import Any

import pytest

from activities.connectors.carrier.port import Label
from activities.connectors.errors import NotSent, Throttled
from activities.connectors.payment.port import PaymentState, PaymentStatus
from workers.audit.money import compare
from workers.audit.parcels import compare_labels, compare_pushes
from workers.audit.vendors import Asking, LabelLine, PaymentLine, PushLine
from workers.wiring import Gateways

HELD = {"state": "held"}
TAKEN = {"state": "taken", "captured_minor": 900}
THEIRS_TAKEN = {"status": "taken", "captured_minor": 900}


def ours(**changes: Any) -> Any:
    row = {
        "authorization_key": "shop-1:t1:authorize:1", "order_id": "shop-1", "vendor_ref": "pi_1",
        "amount_minor": 1_000, "currency": "USD", "state": "held", "captured_minor": 0,
        "refunded_minor": 0, "capturing_minor": 0, "refunding_minor": 0, "voiding": False,
        "is_recent": True,
    }  # fmt: skip
    return SimpleNamespace(**row | changes)


def theirs(**changes: Any) -> PaymentLine:
    line = {
        "ref": "pi_1", "status": "held", "authorized_minor": 1_000, "captured_minor": 0,
        "refunded_minor": 0, "currency": "USD", "key": "shop-1:t1:authorize:1",
    }  # fmt: skip
    return PaymentLine(**line | changes)


def found(
    row: Any, line: PaymentLine | None, *, begun: set[str] | None = None, moving: bool = True
) -> list[str]:
    violations = compare(
        [] if row is None else [row],
        {} if line is None else {line.ref: line},
        is_whole=True,
        begun=begun or set(),
        in_motion={"shop-1"} if moving else set(),
    )
    return [violation.rule for violation in violations]


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


def label(**changes: Any) -> Any:
    row = {
        "label_key": "shop-1:f1:label:1", "vendor_shipment_id": "shp_1", "state": "bought",
        "tracking_number": "EZ1", "is_handed_over": True, "is_open": True, "is_recent": True,
    }  # fmt: skip
    return SimpleNamespace(**row | changes)


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
        key="k", channel="shopify", external_id="7", tracking_number="EZ1", is_delivered=delivered
    )
    violations = compare_pushes([row], [PushLine("7", number) for number in told], "shopify")
    assert [violation.rule for violation in violations] == rules


class Vendor:
    """Answers as an account would; `troubles` come first."""

    def __init__(self, answer: Any, *troubles: Exception) -> None:
        self._answer = answer
        self._troubles = list(troubles)

    async def retrieve(self, _: str) -> Any:
        if self._troubles:
            raise self._troubles.pop(0)
        return self._answer

    find_label = retrieve


def asking(payment: Any = None, carrier: Any = None) -> Asking:
    return Asking(Gateways(payment, carrier, {}))


async def test_a_vendor_without_a_ledger_is_asked_about_each_payment_and_waited_for() -> None:
    state = PaymentState("pi_1", PaymentStatus.CAPTURED, 1_000, 0, 900, "USD")
    vendor = Vendor(state, Throttled("stripe", "429", retry_after_s=0))
    (line,) = await asking(payment=vendor).payments([ours(**TAKEN)])
    assert (line.status, line.captured_minor, line.refunded_minor) == ("taken", 900, None)
    assert found(ours(**TAKEN), line) == []


async def test_a_vendor_without_a_ledger_is_asked_about_each_label() -> None:
    bought = Label("shp_1", "EZ1", "USPS", "Priority", 700, "USD", "https://l", "trk_1")
    (line,) = await asking(carrier=Vendor(bought)).labels([label()])
    assert line == LabelLine("shp_1", "EZ1", voided=False)
    assert await asking(carrier=Vendor(None)).labels([label()]) == []


async def test_what_a_vendor_did_not_answer_is_said() -> None:
    books = asking(payment=Vendor(None, NotSent("stripe", "no route")))
    assert await books.payments([ours()]) == []
    assert books.silent == {"pi_1": "stripe: no route"}


async def test_what_was_closed_long_ago_is_not_asked_again() -> None:
    assert await asking().payments([ours(is_recent=False)]) == []
