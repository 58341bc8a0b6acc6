"""The stock benchmark counts what was granted, and says so in its file."""

import json
from pathlib import Path

from rich.console import Console

from workers.local.bench.stock import Figures, Report, Wish, measure

KEYS = {"spread_ratio", "hot_ratio", "spread_p99_ms", "hot_p99_ms", "oversold"}


async def test_a_small_run_is_exact_and_tells_its_figures(tmp_path: Path) -> None:
    report = await measure(Wish(callers=8, requests=200, rounds=1), Console(quiet=True))
    assert report.is_exact
    # Two kinds of goods, three ways; of the bare ones fewer.
    assert {name: each.granted for name, each in report.figures.items()} == {
        "bare_spread": 25, "single_spread": 25, "spread": 200,
        "bare_hot": 25, "single_hot": 25, "hot": 200,
    }  # fmt: skip
    assert 1 < report.batch_sizes["hot"] <= 8
    report.write(tmp_path / "stock.json")
    document = json.loads((tmp_path / "stock.json").read_text())
    assert document.keys() >= KEYS
    assert all(document[key] > 0 for key in KEYS - {"oversold"})


def test_a_unit_sold_twice_or_kept_back_is_not_exact() -> None:
    wish = Wish(callers=1, requests=1, rounds=1)
    assert Report(wish, {}, {}, oversold=0, unsold=0).is_exact
    assert not Report(wish, {}, {}, oversold=1, unsold=0).is_exact
    assert not Report(wish, {}, {}, oversold=0, unsold=1).is_exact


def test_a_ratio_is_that_of_the_medians() -> None:
    figures = {
        "hot": Figures(rates=[900.0, 1_000.0, 9_000.0]),
        "bare_hot": Figures(rates=[1.0, 100.0, 101.0]),
        "single_hot": Figures(rates=[500.0]),
    }
    report = Report(Wish(1, 1, 3), figures, {}, oversold=0, unsold=0)
    assert (report.ratio("hot"), report.ratio("hot", "single")) == (10.0, 2.0)
