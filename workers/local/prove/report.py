"""What a proof showed: a table for people, a file for machines."""

import json
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True)
class Line:
    """`details` are the violations in words; the file only counts them."""

    scenario: str
    orders: int
    faults: int
    details: tuple[str, ...] = ()

    @property
    def violations(self) -> int:
        return len(self.details)


@dataclass(frozen=True)
class Proof:
    seed: int
    boundaries_total: int
    boundaries_hit: int
    lines: tuple[Line, ...]

    @property
    def violations(self) -> int:
        return sum(line.violations for line in self.lines)

    @property
    def is_clean(self) -> bool:
        return self.violations == 0

    def write(self, path: Path) -> None:
        document = {
            "boundaries_total": self.boundaries_total,
            "boundaries_hit": self.boundaries_hit,
            "scenarios": [
                {
                    "scenario": line.scenario,
                    "orders": line.orders,
                    "faults": line.faults,
                    "violations": line.violations,
                    "seed": self.seed,
                }
                for line in self.lines
            ],
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def table(self) -> Table:
        hit = f"{self.boundaries_hit} of {self.boundaries_total} boundaries hit"
        table = Table(title=f"seed {self.seed}, {hit}", title_justify="left")
        table.add_column("scenario")
        for name in ("orders", "faults", "violations"):
            table.add_column(name, justify="right")
        for line in self.lines:
            figures = (line.orders, line.faults, line.violations)
            table.add_row(line.scenario, *map(str, figures))
        table.add_section()
        sums = (
            sum(line.orders for line in self.lines),
            sum(line.faults for line in self.lines),
            self.violations,
        )
        table.add_row("all", *map(str, sums))
        return table
