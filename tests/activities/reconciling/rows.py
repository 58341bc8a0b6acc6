"""Makers of our rows and of the vendors' lines, and what comparing a pair of them finds."""

from types import SimpleNamespace
from typing import Any

from activities.reconciling.lines import PaymentLine
from activities.reconciling.money import compare

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


def label(**changes: Any) -> Any:
    row = {
        "label_key": "shop-1:f1:label:1", "fulfillment_id": "shop-1-f1",
        "vendor_shipment_id": "shp_1", "state": "bought", "tracking_number": "EZ1",
        "is_handed_over": True, "is_open": True, "is_recent": True,
    }  # fmt: skip
    return SimpleNamespace(**row | changes)
