"""The benchmark runs to its end and writes its figures; how good they are is no test's business."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.local.bench.test_bench_figures import KEYS
from workers.local import processes

pytestmark = pytest.mark.slow
WITHIN_S = 900
ORDERS = 20


def test_a_small_benchmark_writes_every_figure(tmp_path: Path) -> None:
    report, folder = tmp_path / "bench.json", tmp_path / "run"
    words = [sys.executable, "-m", "workers", "bench", "--orders", str(ORDERS), "--rounds", "1"]
    words += ["--seconds", "1", "--burst", str(ORDERS)]
    words += ["--json", str(report), "--data-dir", str(folder)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    ran = subprocess.run(
        words, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = json.loads(report.read_text())
    assert figures.keys() > KEYS
    assert all(figures[key] > 0 for key in KEYS)
    assert figures["burst_accepted"] == figures["burst_drained"] == ORDERS
    alone = figures["lifecycle_details"]
    assert alone["twin_alone"]["events"] == alone["order_alone"]["events"]
    for part in ("lifecycle", "placement"):
        assert list(processes.marked(folder / part)) == []
