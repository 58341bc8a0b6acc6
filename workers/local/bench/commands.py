"""The command `oms bench`: a group, for each measurement can be had by itself."""

import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.errors import UserError
from workers.local.bench import search_command, stock_command

if TYPE_CHECKING:
    from rich.console import Console

    from workers.local.bench.report import Report

FOLDER: Final = Path(".oms-bench")
ORDERS: Final = 300
ROUNDS: Final = 5
SECONDS: Final = 20
# Enough to keep two processors busy; more would only wait for each other.
IN_HAND: Final = 24
BURST: Final = 2_000

JsonFile = Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")]
DataDir = Annotated[Path | None, typer.Option(help="A new folder for the run.")]
Orders = Annotated[int, typer.Option(min=20, help="Orders a round, and as many twins.")]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds of orders, each beside one of twins.")]
InHand = Annotated[
    int, typer.Option(min=1, help="Orders, or twins, placed and not packed at once.")
]
Sandboxed = Annotated[
    bool, typer.Option("--sandboxed", help="Run stories, and twins, in Temporal's sandbox.")
]
Seconds = Annotated[float, typer.Option(min=1, help="How long 32 clients place orders.")]
Burst = Annotated[int, typer.Option(min=1, help="Orders offered all at once.")]

bench_app = typer.Typer(help="Measure this machine. Nothing is judged: figures are printed.")


def register(app: typer.Typer) -> None:
    search_command.register(bench_app)
    stock_command.register(bench_app)
    app.add_typer(bench_app, name="bench")


@bench_app.callback(invoke_without_command=True)
def everything(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    orders: Orders = ORDERS,
    rounds: Rounds = ROUNDS,
    seconds: Seconds = SECONDS,
    burst: Burst = BURST,
    json_file: JsonFile = None,
    data_dir: DataDir = None,
) -> None:
    """Measure this machine: what an order costs, and how fast orders are accepted."""
    if context.invoked_subcommand is not None:
        if json_file is not None or data_dir is not None:
            raise UserError(f"options belong behind `{context.invoked_subcommand}`")
        return
    from workers.local.bench import lifecycle, placement  # noqa: PLC0415
    from workers.local.bench.report import Report  # noqa: PLC0415

    async def measure(folder: Path, console: "Console") -> "Report":
        placed = placement.Wish(folder, seconds, burst)
        lived = lifecycle.Wish(folder, orders, rounds, IN_HAND)
        return Report(
            lifecycle=await lifecycle.measure_lifecycle(lived, console),
            placement=await placement.measure_placement(placed, console),
        )

    run_and_tell(measure, data_dir, json_file)


@bench_app.command("lifecycle")
def lifecycle_only(
    *,
    orders: Orders = ORDERS,
    rounds: Rounds = ROUNDS,
    in_hand: InHand = IN_HAND,
    sandboxed: Sandboxed = False,
    json_file: JsonFile = None,
    data_dir: DataDir = None,
) -> None:
    """What an order costs from placement to delivery, beside an empty twin of the same shape."""
    from workers.local.bench import lifecycle  # noqa: PLC0415
    from workers.local.bench.report import Report  # noqa: PLC0415

    async def measure(folder: Path, console: "Console") -> "Report":
        wish = lifecycle.Wish(folder, orders, rounds, in_hand, sandboxed)
        return Report(lifecycle=await lifecycle.measure_lifecycle(wish, console))

    run_and_tell(measure, data_dir, json_file)


@bench_app.command("placement")
def placement_only(
    *,
    seconds: Seconds = SECONDS,
    burst: Burst = BURST,
    json_file: JsonFile = None,
    data_dir: DataDir = None,
) -> None:
    """How fast orders are accepted: by 32 clients in turns, and many offered all at once."""
    from workers.local.bench import placement  # noqa: PLC0415
    from workers.local.bench.report import Report  # noqa: PLC0415

    async def measure(folder: Path, console: "Console") -> "Report":
        wish = placement.Wish(folder, seconds, burst)
        return Report(placement=await placement.measure_placement(wish, console))

    run_and_tell(measure, data_dir, json_file)


def run_and_tell(
    measure: Callable[[Path, "Console"], Coroutine[Any, Any, "Report"]],
    data_dir: Path | None,
    json_file: Path | None,
) -> None:
    """Measure in a folder of its own, print a table, and write the file when one is wished."""
    from rich.console import Console  # noqa: PLC0415

    from workers.event_loop import run_until_told  # noqa: PLC0415
    from workers.local.demo.commands import new_folder, refuse_unwritable  # noqa: PLC0415

    refuse_unwritable(json_file)
    folder = new_folder(data_dir or FOLDER / time.strftime("%Y%m%d-%H%M%S"))
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False, soft_wrap=True)
    report = run_until_told(measure(folder, console))
    if json_file is not None:
        report.write(json_file)
    for table in report.tables():
        console.print(table)
