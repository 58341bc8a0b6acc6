"""The command `oms bench stock`."""

from pathlib import Path
from typing import Annotated

import typer

CALLERS = 64
REQUESTS = 4_000
ROUNDS = 5


def register(bench: typer.Typer) -> None:
    bench.command()(stock)


def stock(
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Where to write the figures.")
    ] = None,
    callers: Annotated[int, typer.Option(min=1, max=150, help="Who ask at once.")] = CALLERS,
    requests: Annotated[int, typer.Option(min=100, help="Reservations a round.")] = REQUESTS,
    rounds: Annotated[int, typer.Option(min=1, help="Counted ones; the first warms up.")] = ROUNDS,
) -> None:
    """Reserve in batches, and with a bare update a request; exit 1 unless exact to the unit."""
    from rich.console import Console  # noqa: PLC0415

    from workers.event_loop import run_until_told  # noqa: PLC0415
    from workers.local.bench.stock import Wish, measure  # noqa: PLC0415
    from workers.local.demo.commands import refuse_unwritable  # noqa: PLC0415

    refuse_unwritable(json_file)
    console = Console(highlight=False, soft_wrap=True)
    report = run_until_told(measure(Wish(callers, requests, rounds), console))
    console.print(report.table())
    if json_file is not None:
        report.write(json_file)
    raise typer.Exit(0 if report.is_exact else 1)
