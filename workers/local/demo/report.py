"""Writes what a run showed: figures for machines, a table for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from workers.local.demo.course import Course
from workers.local.demo.judgement import Judgement
from workers.local.demo.plan import ENDS, Plan

VIOLATIONS = (
    "oversold_units", "double_captures", "double_labels", "money_mismatch_minor",
    "audit_violations",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The keys of the file; `orders` is the sum of all ends and of what is still open."""

    orders: int
    delivered: int
    cancelled: int
    rejected_input: int
    refused_payment: int
    refused_stock: int
    refused_address: int
    expired_payment: int
    lost: int
    open: int
    splits: int
    oversold_units: int
    double_captures: int
    double_labels: int
    money_mismatch_minor: int
    audit_violations: int
    history_events_per_order: float
    actions_per_order: float
    place_p50_ms: float
    place_p99_ms: float
    duration_s: float
    orders_per_s: float
    # Of a run with chaos: how many orders went each path to its end.
    paths: Mapping[str, int] = field(default_factory=dict)

    @property
    def violations(self) -> int:
        return sum(getattr(self, name) for name in VIOLATIONS)

    def write(self, path: Path) -> None:
        figures = asdict(self)
        if not self.paths:
            del figures["paths"]
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Measured:
    """What is neither an end nor a violation found in the ledger."""

    audit_violations: int
    history_events_per_order: float
    actions_per_order: float
    duration_s: float
    paths: Mapping[str, int] = field(default_factory=dict)


def make_report(course: Course, judgement: Judgement, measured: Measured) -> Report:
    counts = course.counts()
    still_open = len(course.plan.orders) - len(course.ends)
    ended_per_s = len(course.ends) / measured.duration_s if measured.duration_s else 0.0
    return Report(
        orders=counts.total() + still_open,
        **{end: counts[end] for end in ENDS},
        open=still_open,
        splits=judgement.splits,
        oversold_units=judgement.oversold_units,
        double_captures=judgement.double_captures,
        double_labels=judgement.double_labels,
        money_mismatch_minor=judgement.money_mismatch_minor,
        audit_violations=measured.audit_violations,
        history_events_per_order=measured.history_events_per_order,
        actions_per_order=measured.actions_per_order,
        place_p50_ms=percentile_ms(course.place_s, 50),
        place_p99_ms=percentile_ms(course.place_s, 99),
        duration_s=round(measured.duration_s, 1),
        orders_per_s=round(ended_per_s, 2),
        paths=measured.paths,
    )


def percentile_ms(seconds: Sequence[float], percent: int) -> float:
    """The smallest measured value that so many percent do not exceed."""
    if not seconds:
        return 0.0
    ranked = sorted(seconds)
    rank = -(-len(ranked) * percent // 100)
    return round(ranked[max(rank, 1) - 1] * 1000, 1)


def summary(plan: Plan, report: Report) -> Table:
    """Ends beside what was expected, then what must be zero, then the figures."""
    table = Table(title=plan.title, title_justify="left")
    table.add_column("")
    table.add_column("orders", justify="right")
    table.add_column("expected", justify="right")
    expected = plan.expected_ends()
    figures: dict[str, Any] = asdict(report)
    is_exact = expected.total() == len(plan.orders)
    for end in (*ENDS, "open"):
        if figures[end] or expected[end]:
            wanted = str(expected[end]) if is_exact or end == "open" else ""
            table.add_row(end.replace("_", " "), str(figures[end]), wanted)
    table.add_row("all", str(report.orders), str(len(plan.orders)), end_section=True)
    for name in VIOLATIONS:
        table.add_row(name.replace("_", " "), str(figures[name]), "0")
    table.add_section()
    for key, count in report.paths.items():
        table.add_row(key.replace("_", " "), str(count), "1 or more")
    table.add_section()
    table.add_row("shipped from several places", str(report.splits))
    table.add_row("history events an order", str(report.history_events_per_order))
    table.add_row("actions an order", str(report.actions_per_order))
    table.add_row("placing, p50 / p99 ms", f"{report.place_p50_ms} / {report.place_p99_ms}")
    table.add_row("seconds", str(report.duration_s))
    table.add_row("orders a second", str(report.orders_per_s))
    return table
