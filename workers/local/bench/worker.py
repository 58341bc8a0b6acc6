"""The benchmark's worker: the product's own, which also plays twins and may write steps down.

Usage: python -m workers.local.bench.worker [FILE]; to FILE goes the step of each statement.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from workers.local.bench.twin import TwinWorkflow, step
from workers.logs import settings_and_log
from workers.settings import Settings
from workers.temporal import WORKFLOWS
from workers.wiring import Gateways
from workers.worker import QUEUES, Composition, run_worker

# Statements of the two loops, which belong to no activity.
LOOPS: Final = "inbox and outbox loops"


class TwinComposition(Composition):
    """`trace`: where the step of each statement is written down; None while anything is timed."""

    workflows = (*WORKFLOWS, TwinWorkflow)

    def __init__(self, trace: Path | None = None) -> None:
        self._trace = trace

    def engine(self, settings: Settings) -> AsyncEngine:
        engine = super().engine(settings)
        if self._trace is not None:
            _trace_statements(engine, self._trace)
        return engine

    def activities(
        self, engine: AsyncEngine, gateways: Gateways, settings: Settings
    ) -> dict[str, list[Callable[..., Any]]]:
        served = super().activities(engine, gateways, settings)
        return {queue: [*served[queue], step] for queue in served}


def _trace_statements(engine: AsyncEngine, file: Path) -> None:
    def note(*_: Any) -> None:
        name = activity.info().activity_type if activity.in_activity() else LOOPS
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{name}\n")

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)


def main() -> None:
    trace = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    asyncio.run(run_worker(settings_and_log(), QUEUES, TwinComposition(trace)))


if __name__ == "__main__":
    main()
