"""The report's figures are right, and nothing but what was expected counts as good."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.workers.local.demo.test_demo_judgement import PLAN
from workers.local.demo.course import Course, Standing
from workers.local.demo.judgement import Judgement
from workers.local.demo.report import Measured, make_report, percentile_ms, summary
from workers.local.demo.run import is_clean

CLEAN = Judgement(1, 0, 0, 0, 0, ())
MEASURED = Measured(0, 61.5, 20.0, 4.0)


def _course(*ends: str) -> Course:
    course = Course(PLAN)
    for order, end in zip(PLAN.orders, ends, strict=False):
        course.placed[order.order_id] = order
        course.end(order.order_id, end)
    course.place_s = [0.010, 0.030, 0.020]
    return course


def test_the_file_has_the_agreed_keys(tmp_path: Path) -> None:
    report = make_report(_course("delivered", "delivered", "cancelled"), CLEAN, MEASURED)
    report.write(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == {
        "orders": 3,
        "delivered": 2,
        "cancelled": 1,
        "rejected_input": 0,
        "refused_payment": 0,
        "refused_stock": 0,
        "refused_address": 0,
        "expired_payment": 0,
        "lost": 0,
        "open": 0,
        "splits": 1,
        "oversold_units": 0,
        "double_captures": 0,
        "double_labels": 0,
        "money_mismatch_minor": 0,
        "audit_violations": 0,
        "history_events_per_order": 61.5,
        "actions_per_order": 20.0,
        "place_p50_ms": 20.0,
        "place_p99_ms": 30.0,
        "duration_s": 4.0,
        "orders_per_s": 0.75,
    }
    assert is_clean(report)


def test_an_order_without_an_end_is_open() -> None:
    course = _course("delivered")
    report = make_report(course, CLEAN, MEASURED)
    assert (report.orders, report.open) == (3, 2)
    assert not is_clean(report)
    assert course.unexpected() == [
        "shop-2 is open, expected delivered",
        "shop-3 is open, expected cancelled",
    ]


@pytest.mark.parametrize(
    ("judgement", "audited"),
    [
        (Judgement(0, 1, 0, 0, 0, ()), 0),
        (Judgement(0, 0, 1, 0, 0, ()), 0),
        (Judgement(0, 0, 0, 1, 0, ()), 0),
        (Judgement(0, 0, 0, 0, 1, ()), 0),
        (CLEAN, 1),
    ],
)
def test_any_violation_spoils_it(judgement: Judgement, audited: int) -> None:
    ends = ("delivered", "delivered", "cancelled")
    assert not is_clean(make_report(_course(*ends), judgement, Measured(audited, 0, 0, 1)))


def test_percentiles_are_measured_values() -> None:
    assert percentile_ms([], 50) == 0
    hundred = [n / 1000 for n in range(1, 101)]
    assert [percentile_ms(hundred, p) for p in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile_ms([0.007], 99) == 7


def test_the_first_end_of_an_order_stands() -> None:
    course = _course("delivered")
    course.end("shop-1", "cancelled")
    assert course.ends["shop-1"] == "delivered"


def test_open_orders_show_how_far_they_are() -> None:
    course = _course("delivered")
    seen = course.see(
        [
            {"order_id": "shop-2", "axes": {"payment": "authorized", "fulfillment": "shipped"}},
            {"order_id": "shop-3", "axes": {"payment": "unpaid", "fulfillment": "unfulfilled"}},
        ]
    )
    assert seen == {"shop-2", "shop-3"}
    assert course.standing == Standing(orders=3, placed=1, paid=2, shipped=2, delivered=1, ended=1)


def test_the_summary_sets_each_end_beside_the_expected_one() -> None:
    report = make_report(_course("delivered", "delivered", "cancelled"), CLEAN, MEASURED)
    out = Console(file=io.StringIO(), width=100)
    out.print(summary(PLAN, report))
    assert isinstance(out.file, io.StringIO)
    lines = [line.split("│")[1:-1] for line in out.file.getvalue().splitlines() if "│" in line]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["delivered"] == ["2", "2"]
    assert cells["cancelled"] == ["1", "1"]
    assert "open" not in cells
    assert cells["double captures"] == ["0", "0"]
