"""What a benchmark found: tables for people, a file for machines."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from workers.local.bench.lifecycle import Lifecycle
from workers.local.bench.placement import Placement


@dataclass(frozen=True)
class Report:
    lifecycle: Lifecycle | None = None
    placement: Placement | None = None

    def figures(self) -> dict[str, Any]:
        """Those with a name of their own; None was not measured."""
        found: dict[str, Any] = {}
        for part in (self.lifecycle, self.placement):
            found |= part.figures() if part is not None else {}
        return found

    def write(self, path: Path) -> None:
        document = self.figures()
        for name, part in (("lifecycle", self.lifecycle), ("placement", self.placement)):
            if part is not None:
                document[f"{name}_details"] = part.details()
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def tables(self) -> Iterator[Table]:
        yield _table("figures", self.figures())
        if self.lifecycle is not None:
            details = self.lifecycle.details()
            yield _table("events of one order", details["order_alone"]["events_by_kind"])
            yield _table("SQL statements of one order, by step", details["sql_by_step"])
            for what, used in details["cpu_ms_by_part"].items():
                yield _table(f"CPU ms, {what}", used)


def _table(title: str, figures: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), str(value))
    return table
