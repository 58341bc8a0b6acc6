"""Shows how far the orders have come: bars on a terminal, a line now and then elsewhere."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from workers.local.demo.course import Standing

STAGES = ("placed", "paid", "shipped", "delivered", "ended")
BAR_EVERY_S = 0.2
LINE_EVERY_S = 5.0


class ProgressShow:
    """As a context it shows what `read` says until it is left, and then once more."""

    def __init__(self, console: Console, read: Callable[[], Standing], to_deliver: int) -> None:
        self._console = console
        self._read = read
        totals = dict.fromkeys(STAGES, to_deliver)
        self._totals = totals | {"placed": read().orders, "ended": read().orders}
        self._bars = Progress(
            TextColumn("{task.description:>10}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks = {name: self._bars.add_task(name, total=self._totals[name]) for name in STAGES}
        self._showing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        self._showing = asyncio.create_task(self._show())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._showing is not None:
            self._showing.cancel()
            await asyncio.gather(self._showing, return_exceptions=True)
        self._draw()
        if self._console.is_terminal:
            self._bars.stop()

    async def _show(self) -> None:
        pause_s = BAR_EVERY_S if self._console.is_terminal else LINE_EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            self._draw()

    def _draw(self) -> None:
        standing = vars(self._read())
        if self._console.is_terminal:
            for name, task in self._tasks.items():
                self._bars.update(task, completed=standing[name])
            return
        parts = (f"{name} {standing[name]}/{self._totals[name]}" for name in STAGES)
        self._console.print(" · ".join(parts))
