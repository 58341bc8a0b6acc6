"""The command `oms bench search`."""

from pathlib import Path
from typing import Annotated

import typer


def register(bench: typer.Typer) -> None:
    bench.command()(search)


def search(
    orders: Annotated[
        int, typer.Option(min=1_000, help="How many a scratch database is filled with.")
    ] = 1_000_000,
    times: Annotated[int, typer.Option(min=1, help="Runs of each kind of query.")] = 40,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Where to write the figures.")
    ] = None,
) -> None:
    """Find orders among a million: p50 and p95 of each kind of query, without HTTP."""
    from rich.console import Console  # noqa: PLC0415

    from workers.event_loop import run_until_told  # noqa: PLC0415
    from workers.local.bench.search import run_search  # noqa: PLC0415
    from workers.local.demo.commands import refuse_unwritable  # noqa: PLC0415

    refuse_unwritable(json_file)
    console = Console(highlight=False, soft_wrap=True)
    figures = run_until_told(run_search(orders, times, console))
    console.print(figures.table())
    if json_file is not None:
        figures.write(json_file)
