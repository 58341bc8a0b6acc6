"""What a proof tells machines and people."""

import json
from pathlib import Path

from rich.console import Console

from workers.local.prove.boundaries import BEFORE_RECORD, Boundary
from workers.local.prove.failpoints import KILL
from workers.local.prove.report import Line, Proof
from workers.local.prove.run import QUICK_KILLS, plan_faults

PROOF = Proof(7, 60, 59, (Line("crashes", 12, 5), Line("races", 9, 9, ("one too many",))))
KNOWN = tuple(Boundary(f"step{n}", BEFORE_RECORD) for n in range(20))


def test_the_file_has_a_line_a_scenario(tmp_path: Path) -> None:
    PROOF.write(tmp_path / "p.json")
    assert json.loads((tmp_path / "p.json").read_text()) == {
        "boundaries_total": 60,
        "boundaries_hit": 59,
        "scenarios": [
            {"scenario": "crashes", "orders": 12, "faults": 5, "violations": 0, "seed": 7},
            {"scenario": "races", "orders": 9, "faults": 9, "violations": 1, "seed": 7},
        ],
    }


def test_one_violation_is_one_too_many() -> None:
    assert not PROOF.is_clean
    assert Proof(7, 60, 60, (Line("crashes", 12, 5),)).is_clean


def test_the_table_adds_up() -> None:
    console = Console(record=True, width=80)
    console.print(PROOF.table())
    said = console.export_text()
    assert "59 of 60 boundaries hit" in said
    assert [word for word in said.splitlines()[-2] if word.isdigit()] == ["2", "1", "1", "4", "1"]


def test_the_same_seed_is_the_same_plan() -> None:
    plans = [plan_faults(KNOWN, seed, is_full=False) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]
    assert list(plans[0].values()).count(KILL) == QUICK_KILLS
    assert set(plan_faults(KNOWN, 1, is_full=True).values()) == {KILL}
