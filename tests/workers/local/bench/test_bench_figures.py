"""The figures: which keys a file has, and how each is made of what was measured."""

import json
from collections import Counter
from pathlib import Path

import pytest

from workers.errors import UserError
from workers.local.bench.clients import Taken
from workers.local.bench.lifecycle import PARTS, Lifecycle, Round, rate
from workers.local.bench.placement import Drain, Loop, Placement
from workers.local.bench.report import Report
from workers.local.bench.sampling import Sampled, Totals
from workers.local.bench.script import Script
from workers.local.bench.statements import Statements
from workers.local.demo.histories import Cost

KEYS = {
    "lifecycle_ratio", "orders_per_s", "twin_per_s", "place_p50_ms", "place_p99_ms",
    "events_per_order", "actions_per_order", "sql_per_order", "cpu_ms_per_order", "accept_per_s",
    "accept_p99_ms", "burst_accepted", "burst_drained",
}  # fmt: skip


def a_round(per_s: float, ms: float = 10.0) -> Round:
    return Round(per_s, dict.fromkeys((*PARTS, "bench"), ms), 0.9)


def a_lifecycle() -> Lifecycle:
    one = Sampled(Counter(timer_started=3), Cost(84, 28), Script([("local", "", 0)]))
    counted = Totals().add(Cost(840, 280), scheduled=False).add(Cost(10, 4), scheduled=True)
    return Lifecycle(
        orders=5,
        in_hand=2,
        products=[a_round(3.0, 30.0), a_round(5.0, 10.0)],
        twins=[a_round(8.0), a_round(8.0)],
        one=one,
        twins_played=[one],
        totals=counted,
        statements=Statements({"SELECT 1": 2_000}, 500),
    )


def loop(*taken: tuple[int, float]) -> Loop:
    return Loop([Taken(status, seconds, float(n), 1) for n, (status, seconds) in enumerate(taken)])


def a_placement() -> Placement:
    return Placement(
        waited=loop((201, 0.2), (202, 9.0), (201, 0.4)),
        deferred=loop((202, 0.1), (422, 5.0), (202, 0.3)),
        burst=loop((201, 1.0), (202, 2.0), (500, 1.0)),
        drain=Drain(2, 4.0),
    )


def test_the_file_has_the_promised_keys(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    Report(a_lifecycle(), a_placement()).write(file)
    document = json.loads(file.read_text())
    assert document.keys() == KEYS | {"lifecycle_details", "placement_details"}
    assert all(isinstance(document[key], int | float) for key in KEYS)


def test_what_was_not_measured_has_no_figure() -> None:
    assert Report(placement=a_placement()).figures().keys() < KEYS
    assert all(table.title for table in Report(a_lifecycle()).tables())


def test_costs_are_divided_by_the_orders_of_all_rounds() -> None:
    """Ten orders; a schedule's tick is two actions beside its run's."""
    figures = a_lifecycle().figures()
    assert figures["events_per_order"] == 85.0
    assert figures["actions_per_order"] == 28.6
    assert figures["sql_per_order"] == 200.0
    assert figures["cpu_ms_per_order"] == 40.0  # API and worker, the median of 60 and 20


def test_the_ratio_is_that_of_medians_and_its_rounds_are_told() -> None:
    assert a_lifecycle().figures()["lifecycle_ratio"] == 0.5
    assert a_lifecycle().details()["ratio_rounds"] == [0.375, 0.625]


def test_placement_counts_what_was_created_and_what_was_kept() -> None:
    figures = a_placement().figures()
    assert (figures["place_p50_ms"], figures["place_p99_ms"]) == (200.0, 400.0)
    assert figures["accept_p99_ms"] == 300.0  # a refusal is no acceptance
    assert figures["accept_per_s"] == 0.3  # two until the last answer, after six seconds
    assert (figures["burst_accepted"], figures["burst_drained"]) == (2, 2)


def test_the_first_and_the_last_tenth_do_not_count() -> None:
    steady = [100 + number / 4 for number in range(1, 19)]
    assert rate([0.0, *steady, 900.0]) == pytest.approx(4.0)


def test_a_rate_needs_more_than_one_moment() -> None:
    with pytest.raises(UserError, match="too few"):
        rate([1.0, 1.0])
