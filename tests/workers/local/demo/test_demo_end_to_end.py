"""`oms demo` itself: its own stack, real processes, one exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workers.local.demo import olist_folder as made_up
from workers.local import processes

WITHIN_S = 300


def _demo(data_dir: Path, *words: str) -> tuple[int, str, dict[str, Any]]:
    """Its exit code, what it said, and its report."""
    report = data_dir.with_name("r.report.json")
    command = [sys.executable, "-m", "workers", "demo", "--report", str(report)]
    command += ["--data-dir", str(data_dir), *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    ran = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    said = ran.stdout + ran.stderr
    assert report.exists(), said
    return ran.returncode, said, json.loads(report.read_text())


def test_a_small_dataset_runs_to_its_end_and_leaves_nothing_running(
    tmp_path: Path, data_dir: Path
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    bad = [*made_up.ROWS[made_up.ORDERS], "when,c1,delivered,yesterday"]
    made_up.write_folder(tables, {made_up.ORDERS: bad})
    status, said, report = _demo(data_dir, "--dataset", str(tables))
    assert status == 0, said
    assert {k: report[k] for k in ("orders", "delivered", "cancelled", "rejected_input")} == {
        "orders": 6,
        "delivered": 4,
        "cancelled": 1,
        "rejected_input": 1,
    }
    assert report["open"] == 0
    assert report["history_events_per_order"] > 0
    rejects = (data_dir / "demo" / "rejects.jsonl").read_text()
    assert json.loads(rejects)["row"] == 8
    assert f"oms up --data-dir {data_dir}" in said
    assert list(processes.marked(data_dir)) == []


@pytest.mark.slow
def test_the_shipped_set_shows_every_end(data_dir: Path) -> None:
    status, said, report = _demo(data_dir)
    assert status == 0, said
    assert report["splits"] * 5 >= report["orders"]
    for end in ("refused_payment", "refused_stock", "refused_address", "expired_payment"):
        assert report[end] > 0
