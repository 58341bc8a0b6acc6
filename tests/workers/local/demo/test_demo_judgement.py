"""The ledger and the plan convict a run, whatever our own records say."""

from typing import Any

import pytest

from workers.local.demo.judgement import Judgement, judge
from workers.local.demo.plan import Channel, Plan, Setup, StockLevel, planned


def _document(external_id: str, **units: int) -> dict[str, Any]:
    """Each unit costs 1000 by card; 50 more are paid with store credit."""
    total = 1000 * sum(units.values())
    return {
        "channel": "shop",
        "external_id": external_id,
        "currency": "USD",
        "lines": [{"sku": sku, "quantity": n} for sku, n in units.items()],
        "tenders": [
            {"kind": "card", "amount_minor": total},
            {"kind": "store_credit", "amount_minor": 50},
        ],
    }


PLAN = Plan(
    setup=Setup(
        pools=("main",),
        locations=(),
        channels=(Channel("shop", "Shop", "api", "main", ("USD",)),),
        products=(),
        stock=(
            StockLevel("north", "a", 2),
            StockLevel("south", "a", 1),
            StockLevel("south", "b", 1),
        ),
    ),
    orders=(
        planned(_document("1", a=2, b=1), "delivered"),
        planned(_document("2", a=1), "delivered"),
        planned(_document("3", a=1), "cancelled"),
    ),
)
ENDS = {"shop-1": "delivered", "shop-2": "delivered", "shop-3": "cancelled"}


def _payment(order: str, captured: int, refunded: int = 0, captures: int = 1) -> dict[str, Any]:
    return {
        "intent": f"pi_{order}_{captured}",
        "order": order,
        "captured_minor": captured,
        "refunded_minor": refunded,
        "captures": captures,
    }


def _label(reference: str, *, voided: bool = False, bought: int = 1) -> dict[str, Any]:
    return {
        "shipment": f"shp_{reference}",
        "reference": reference,
        "bought": bought,
        "voided": voided,
    }


RIGHT_PAYMENTS = [
    _payment("shop-1", 2000),
    _payment("shop-1", 1000),
    _payment("shop-2", 1000),
    _payment("shop-3", 1000, refunded=1000),
]
RIGHT_LABELS = [
    _label("shop-1:f1:label:1"),
    _label("shop-1:f2:label:1"),
    _label("shop-2:f1:label:1", voided=True),
    _label("shop-2:f1:label:2"),
]


def _judge(
    payments: list[dict[str, Any]] | None = None, labels: list[dict[str, Any]] | None = None
) -> Judgement:
    ledger = {"payments": payments or RIGHT_PAYMENTS, "labels": labels or RIGHT_LABELS}
    return judge(PLAN, ENDS, ledger)


def test_a_right_run_is_clean_and_its_splits_are_counted() -> None:
    assert _judge() == Judgement(1, 0, 0, 0, 0, ())


@pytest.mark.parametrize(
    ("wrong", "captures", "mismatch"),
    [
        (_payment("shop-2", 1000), 1, 1000),
        (_payment("shop-2", 1000, refunded=1000), 1, 0),
        (_payment("shop-3", 500), 1, 500),
        (_payment("strange", 700), 1, 700),
        (_payment("shop-2", 0, refunded=100), 0, 100),
    ],
)
def test_money_taken_twice_or_not_due_is_found(
    wrong: dict[str, Any], captures: int, mismatch: int
) -> None:
    found = _judge(payments=[*RIGHT_PAYMENTS, wrong])
    assert (found.double_captures, found.money_mismatch_minor) == (captures, mismatch)
    assert not found.is_clean
    assert found.details


def test_one_intent_captured_twice_is_found_though_the_sum_is_right() -> None:
    payments = [*RIGHT_PAYMENTS[1:], _payment("shop-1", 2000, captures=2)]
    assert _judge(payments=payments).double_captures == 1


def test_a_second_unvoided_label_of_one_part_is_found() -> None:
    found = _judge(labels=[*RIGHT_LABELS, _label("shop-1:f1:label:2")])
    assert (found.double_labels, found.splits) == (1, 1)
    assert _judge(labels=[_label("shop-2:f1:label:1", bought=2)]).double_labels == 1


def test_units_beyond_the_stock_are_found() -> None:
    found = _judge(labels=[*RIGHT_LABELS, _label("shop-3:f1:label:1")])
    assert found.oversold_units == 1
    assert found.details == ("a: 1 units sold that were not there",)


def test_voided_labels_ship_nothing() -> None:
    assert _judge(labels=[*RIGHT_LABELS, _label("shop-3:f1:label:1", voided=True)]).is_clean
