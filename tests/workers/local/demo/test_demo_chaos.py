"""Orders that go wrong: each path is planned, and counts for what the ledgers say alone."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workers.errors import UserError
from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.planning import with_paths
from workers.local.demo.chaos.play import left_alone, travelled
from workers.local.demo.chaos.rates import REALISTIC, WHOLE
from workers.local.demo.chaos.table import PATHS
from workers.local.demo.commands import ChaosRates, make_plan, with_chaos
from workers.local.demo.plan import CANCELLED, LOST, REFUSED_STOCK, Plan
from workers.local.demo.report import VIOLATIONS
from workers.local.demo.shipped_set import plan_shipped
from workers.setup_file import Setup

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NO_MORE: dict[str, int] = {}
WITHIN_S = 600


def _planned(rates: dict[str, int] = NO_MORE, seed: int = 1) -> Plan:
    return with_paths(plan_shipped(), rates, seed, NOW)


def test_each_path_is_planned_once_and_first() -> None:
    plan = _planned()
    first = [order.path for order in plan.orders[: len(PATHS)]]
    assert first == list(PATHS)
    assert not any(order.path for order in plan.orders[len(PATHS) :])


def test_no_order_is_lost_by_it_and_none_is_there_twice() -> None:
    plan, ids = _planned(), {order.order_id for order in plan_shipped().orders}
    counts = Counter(order.external_id for order in plan.orders)
    assert set(counts.values()) == {1}
    names = {order.external_id for order in plan.orders}
    assert {order_id.partition("-")[2] for order_id in ids} <= names


def test_the_rates_say_how_many_more_and_the_seed_which() -> None:
    often = {"return_refunded": WHOLE}
    plan = _planned(often)
    more = [order.path for order in plan.orders[len(PATHS) :] if order.path]
    assert set(more) <= {"return_refunded"}
    ids = [order.order_id for order in _planned(dict(REALISTIC), 2).orders]
    assert ids == [order.order_id for order in _planned(dict(REALISTIC), 2).orders]
    assert sum(REALISTIC.values()) <= WHOLE


def test_the_set_up_can_be_imported_and_what_must_run_out_still_does() -> None:
    plan, before = _planned(), plan_shipped().setup.units()
    Setup.model_validate_json(plan.setup.to_json())
    scarce = {
        sku for order in plan.orders if REFUSED_STOCK in order.expected for sku in order.units
    }
    assert scarce
    assert {sku: plan.setup.units()[sku] for sku in scarce} == {sku: before[sku] for sku in scarce}


def test_every_path_has_the_stock_for_its_order_and_the_spare() -> None:
    plan = _planned()
    units = plan.setup.units()
    for order in plan.orders:
        if order.path:
            spare = 0 if PATHS[order.path].own_goods else 1
            assert all(units[sku] >= count + spare for sku, count in order.units.items())


def test_only_what_people_work_on_is_left_alone_by_the_warehouse() -> None:
    plan = _planned()
    left = left_alone(plan)
    by_hand = {order.order_id for order in plan.orders if order.path and PATHS[order.path].by_hand}
    assert left == by_hand
    assert left


@pytest.mark.parametrize("key", PATHS)
def test_no_path_counts_without_facts(key: str) -> None:
    assert not PATHS[key].happened(Facts({}))


@pytest.mark.parametrize("key", PATHS)
def test_no_path_counts_for_an_order_that_just_ended(key: str) -> None:
    outcome = PATHS[key].end
    facts = Facts(
        {
            "orders": [{"outcome": outcome, "address_verified": True}],
            "parts": [_part("delivered")],
        },
        payments=[{"captured_minor": 500, "refunded_minor": 0}],
    )
    assert not PATHS[key].happened(facts)


def _part(state: str) -> dict[str, object]:
    return {
        "fulfillment_id": "shop-1-f1", "state": state, "location": "here", "rma": None,
        "replaces": None, "is_pickup": False, "waited": False, "filled": False,
    }  # fmt: skip


def test_a_lost_parcel_counts_as_refunded_when_the_money_is_back() -> None:
    ours = {
        "orders": [{"outcome": LOST}],
        "parts": [_part("lost")],
        "exceptions": [{"reason": "lost", "resolution": "compensate"}],
        "claims": [{"cause": "lost"}],
    }
    happened = PATHS["lost_refunded"].happened
    assert happened(Facts(ours, [{"captured_minor": 500, "refunded_minor": 500}]))
    assert not happened(Facts(ours, [{"captured_minor": 500, "refunded_minor": 499}]))


def test_a_label_that_is_still_good_was_not_cancelled() -> None:
    ours = {"orders": [{"outcome": CANCELLED}]}
    happened = PATHS["cancel_after_label"].happened
    assert happened(Facts(ours, labels=[{"voided": True}]))
    assert not happened(Facts(ours, labels=[{"voided": False}]))
    assert not happened(Facts(ours))


def test_who_did_not_go_their_path_is_named() -> None:
    plan = _planned()
    gone, missed = travelled(plan, {order.order_id: Facts({}) for order in plan.orders})
    assert not any(gone.values())
    assert len(missed) == len(PATHS)


def test_scarce_stock_and_chaos_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stock for every order"):
        with_chaos(plan_shipped(), ChaosRates.REALISTIC, "0.5", 1)
    with pytest.raises(UserError):
        make_plan(tmp_path, 1, "1", 1)


@pytest.mark.slow
def test_the_shipped_set_goes_every_path_to_its_end(data_dir: Path) -> None:
    report = data_dir.with_name("chaos.report.json")
    command = [sys.executable, "-m", "workers", "demo", "--report", str(report)]
    command += ["--data-dir", str(data_dir), "--chaos-rates", "realistic", "--seed", "1"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    ran = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = json.loads(report.read_text())
    assert figures["open"] == 0
    assert [figures[name] for name in VIOLATIONS] == [0] * len(VIOLATIONS)
    assert set(figures["paths"]) == set(PATHS)
    assert min(figures["paths"].values()) > 0
