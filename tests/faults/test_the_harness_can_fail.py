"""With one protection taken away, the matching scenario must report violations."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.console import Console

from workers.local.prove.report import Line
from workers.local.prove.run import Wish, run_proof
from workers.local.prove.stage import Size, Stage

pytestmark = pytest.mark.slow
SMALL = Size(
    shipped=0, mix=6, buyers=10, hot_units=2, hot_buyers=4, lost=2, outage_s=1.0, delay_s=1.0,
    told_within_s=5.0, kills=0,
)  # fmt: skip


async def play(
    folder: Path,
    scenario: str,
    *,
    worker: str = "workers.local.prove.worker",
    spoil: Callable[[Stage], Awaitable[None]] | None = None,
) -> Line:
    wish = Wish(folder, 1, scenarios=(scenario,), size=SMALL, worker=worker, spoil=spoil)
    proof = await run_proof(wish, Console())
    return proof.lines[0]


@pytest.fixture
def worse_workers(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack's processes find the modules of this folder."""
    monkeypatch.setenv("PYTHONPATH", str(repository))


async def test_the_same_scenario_is_clean_with_every_protection(tmp_path: Path) -> None:
    assert (await play(tmp_path / "run", "vendors")).details == ()


@pytest.mark.usefixtures("worse_workers")
async def test_without_idempotency_keys_money_is_held_twice(tmp_path: Path) -> None:
    line = await play(tmp_path / "run", "vendors", worker="tests.faults.careless_worker")
    assert any("payment" in each or "vendors hold" in each for each in line.details), line.details


@pytest.mark.usefixtures("worse_workers")
async def test_without_its_undo_stock_stays_held(tmp_path: Path) -> None:
    line = await play(tmp_path / "run", "vendors", worker="tests.faults.forgetful_worker")
    assert any("closed_order_holds_no_stock" in each for each in line.details), line.details


async def test_without_its_constraint_the_database_holds_what_must_not_be(tmp_path: Path) -> None:
    async def drop(stage: Stage) -> None:
        await stage.execute("ALTER TABLE pool_levels DROP CONSTRAINT ck_pool_levels_not_oversold")

    line = await play(tmp_path / "run", "database", spoil=drop)
    assert any("the database let it happen" in each for each in line.details), line.details
    assert any("level" in each and "rule" in each for each in line.details), line.details
