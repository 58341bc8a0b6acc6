"""The search bench finds what it looks for, and writes the figures that it was asked for."""

import json
from pathlib import Path

from rich.console import Console

from workers.local.bench.search import Figures, run_search
from workers.local.bench.wishes import KINDS

ORDERS = 3_000
# Made of an order that is there; of others there may be none among so few.
FOUND = {
    "e-mail", "SKU", "first name", "family name", "full name", "city", "name and city", "newest",
    "channel", "location", "dates", "money", "beginning of a name",
}  # fmt: skip


async def test_every_kind_of_query_is_measured_and_finds_orders(tmp_path: Path) -> None:
    figures = await run_search(ORDERS, 3, Console(quiet=True))
    figures.write(tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["orders"] == ORDERS
    assert set(written["queries"]) == set(KINDS)
    for kind, each in written["queries"].items():
        assert each["count"] == 3
        assert 0 < each["p50_ms"] <= each["p95_ms"], kind
        assert kind not in FOUND or figures.found[kind] >= 3, kind
    assert figures.found["unknown word"] == 0
    for one in ("order number", "external id", "tracking number"):
        assert figures.found[one] == 3, one


def test_percentiles_are_by_nearest_rank() -> None:
    figures = Figures(1, {"a": [n / 1_000 for n in range(1, 21)], "b": [0.1]}, {"a": 1, "b": 1})
    assert figures.as_dict() == {
        "orders": 1,
        "p50_ms": 11.0,
        "p95_ms": 20.0,
        "queries": {
            "a": {"p50_ms": 10.0, "p95_ms": 19.0, "count": 20},
            "b": {"p50_ms": 100.0, "p95_ms": 100.0, "count": 1},
        },
    }
