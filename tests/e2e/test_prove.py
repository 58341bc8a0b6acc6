"""The proof of the promise: everything is broken once, and nothing comes of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.local import processes
from workers.local.prove.scenarios import SCENARIOS

pytestmark = pytest.mark.slow
WITHIN_S = 900


def test_a_quick_proof_finds_nothing(tmp_path: Path) -> None:
    report, folder = tmp_path / "proof.json", tmp_path / "run"
    words = [sys.executable, "-m", "workers", "prove", "--quick", "--json", str(report)]
    words += ["--data-dir", str(folder)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    ran = subprocess.run(
        words, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    proof = json.loads(report.read_text())
    assert proof["boundaries_hit"] == proof["boundaries_total"] > 0
    assert [line["scenario"] for line in proof["scenarios"]] == list(SCENARIOS)
    assert [line["violations"] for line in proof["scenarios"]] == [0] * len(SCENARIOS)
    assert list(processes.marked(folder / "stack")) == []
