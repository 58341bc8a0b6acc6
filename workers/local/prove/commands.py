"""The command `oms prove`."""

import time
from pathlib import Path
from typing import Annotated

import typer

FOLDER = Path(".oms-prove")


def register(app: typer.Typer) -> None:
    app.command()(prove)


def prove(
    *,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Hundreds of orders a scenario, or a dozen.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws every fault; the same seed, the same run.")] = 1,
    scenario: Annotated[list[str] | None, typer.Option(help="Only these; repeatable.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Where to write the figures.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="A new folder for the run.")] = None,
) -> None:
    """Break a running stack on purpose and count what went wrong; exit 1 on any violation."""
    from rich.console import Console  # noqa: PLC0415

    from workers.event_loop import run_until_told  # noqa: PLC0415
    from workers.local.demo.commands import new_folder  # noqa: PLC0415
    from workers.local.prove.run import Wish, run_proof  # noqa: PLC0415

    folder = new_folder(data_dir or FOLDER / time.strftime("%Y%m%d-%H%M%S"))
    wish = Wish(folder, seed, is_full=full, scenarios=tuple(scenario or ()))
    console = Console(highlight=False, soft_wrap=True)
    proof = run_until_told(run_proof(wish, console))
    console.print(proof.table())
    if json_file is not None:
        proof.write(json_file)
    raise typer.Exit(0 if proof.is_clean else 1)
