"""How fast orders are accepted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Wish:
    folder: Path
    seconds: float
    burst: int


@dataclass(frozen=True)
class Placement:
    def figures(self) -> dict[str, Any]:
        return {}

    def details(self) -> dict[str, Any]:
        return {}


async def measure_placement(wish: Wish, console: Console) -> Placement:
    return Placement()
