"""Every path has a test that is there, a row in the table of paths, and a recorded history."""

import re
from pathlib import Path

import pytest

from workers.local.demo.chaos.rates import REALISTIC
from workers.local.demo.chaos.table import PATHS

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", TABLE)))
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ")]
HISTORIES = ROOT / "tests" / "replay" / "histories"


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_the_table_names_is_there(named: str) -> None:
    file, _, function = named.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not function or re.search(rf"^(async )?def {function}\(", text, re.MULTILINE)


@pytest.mark.parametrize("key", PATHS)
def test_every_path_of_the_demo_has_its_row_and_its_rate(key: str) -> None:
    assert any(f"`{key}`" in row.split("|")[1] for row in ROWS)
    assert REALISTIC[key] > 0


@pytest.mark.parametrize("key", PATHS)
def test_every_path_of_the_demo_has_a_recorded_history(key: str) -> None:
    kept = {path.name.partition(".")[0] for path in HISTORIES.glob(f"path-{key}-*")}
    assert f"path-{key}-OrderWorkflow-1" in kept
