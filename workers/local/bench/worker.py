"""The benchmark's worker: the product's own, which also plays twins and may write steps down.

Usage: python -m workers.local.bench.worker [FILE]; to FILE goes the step of each statement.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from workers.event_loop import run
from workers.local.bench.twin import TwinWorkflow, step
from workers.logs import settings_and_log
from workers.settings import Settings
from workers.temporal import WORKFLOWS
from workers.wiring import Gateways
from workers.worker import QUEUES, Composition, run_worker

# Statements of the two loops, which belong to no activity.
INBOX: Final = "inbox loop: starts, vendors' news"
OUTBOX: Final = "outbox loop"


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


def _trace_statements(core: AsyncEngine, file: Path) -> None:
    """The outbox loop has an engine of its own; on the other are activities and the inbox loop."""

    def note(connection: sa.Connection, *_: Any) -> None:
        if connection.engine is not core.sync_engine:
            name = OUTBOX
        else:
            name = activity.info().activity_type if activity.in_activity() else INBOX
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{name}\n")

    sa.event.listen(sa.Engine, "before_cursor_execute", note)


def main() -> None:
    trace = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    run(run_worker(settings_and_log(), QUEUES, TwinComposition(trace)))


if __name__ == "__main__":
    main()
