"""The command `oms demo`."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.errors import UserError
from workers.local.files import disk_refusals
from workers.settings import FASTEST_TIME_FACTOR

if TYPE_CHECKING:
    from workers.local.demo.plan import Plan

# One real second stands for this many of carrier and bank: a parcel arrives in ten.
TIME_FACTOR = 20_000.0
FOLDER = Path(".oms-demo")
# Of a dataset, when nobody says how many.
USUAL_ORDERS = 500


class ChaosRates(StrEnum):
    REALISTIC = "realistic"


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(  # noqa: PLR0913 - one parameter an option
    *,
    dataset: Annotated[
        Path | None, typer.Option(help="Folder with the Olist tables; else the shipped orders.")
    ] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="The first so many orders.")] = None,
    stock_factor: Annotated[str, typer.Option(help="Stock as a multiple of demand.")] = "1",
    report: Annotated[Path | None, typer.Option(help="Where to write the figures (JSON).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="A new folder for the stack.")] = None,
    time_factor: Annotated[
        float,
        typer.Option(
            min=1,
            max=FASTEST_TIME_FACTOR,
            help="How many seconds one second of waiting stands for.",
        ),
    ] = TIME_FACTOR,
    seed: Annotated[
        int, typer.Option(help="Draws where scarce stock lies, and which orders go wrong.")
    ] = 1,
    chaos_rates: Annotated[
        ChaosRates | None,
        typer.Option(help="Let orders go wrong: each path once, then as often as that."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Run on until Ctrl-C.")] = False,
) -> None:
    """Run real orders through a stack of their own, from placement to delivery."""
    from rich.console import Console  # noqa: PLC0415

    from workers.event_loop import run_until_told  # noqa: PLC0415
    from workers.local.demo.run import Wish, run_demo  # noqa: PLC0415

    refuse_unwritable(report)
    plan = make_plan(dataset, orders, stock_factor, seed)
    if chaos_rates is not None:
        plan = with_chaos(plan, chaos_rates, stock_factor, seed)
    wish = Wish(new_folder(data_dir), time_factor, report, keep)
    console = Console(highlight=False, soft_wrap=True)
    is_good = run_until_told(run_demo(plan, wish, console))
    raise typer.Exit(0 if is_good else 1)


def make_plan(dataset: Path | None, orders: int | None, stock_factor: str, seed: int) -> "Plan":
    """Raises: UserError for a factor that is none, or a folder that cannot be read."""
    from workers.local.demo.olist import plan_olist  # noqa: PLC0415
    from workers.local.demo.shipped_set import plan_shipped  # noqa: PLC0415

    try:
        factor = Fraction(stock_factor)
    except (ValueError, ZeroDivisionError):
        raise UserError(f"--stock-factor: {stock_factor!r} is no number") from None
    if factor < 0:
        raise UserError("--stock-factor: stock cannot be negative")
    if dataset is not None:
        return plan_olist(dataset, orders or USUAL_ORDERS, factor, seed)
    if factor != 1:
        raise UserError("--stock-factor needs --dataset: the shipped orders come with their stock")
    return plan_shipped(orders)


def with_chaos(plan: "Plan", rates: ChaosRates, stock_factor: str, seed: int) -> "Plan":
    """Raises: UserError where stock is scarce: what is refused cannot go wrong later."""
    from workers.local.demo.chaos.planning import with_paths  # noqa: PLC0415
    from workers.local.demo.chaos.rates import RATES  # noqa: PLC0415

    if Fraction(stock_factor) < 1:
        raise UserError("--chaos-rates needs stock for every order: --stock-factor 1 or more")
    return with_paths(plan, RATES[rates], seed, datetime.now(UTC))  # noqa: TID251 - the day of the run


def refuse_unwritable(report: Path | None) -> None:
    """Raises: UserError before the run, whose figures would be lost after it."""
    if report is not None:
        with disk_refusals(report):
            report.open("a", encoding="utf-8").close()


def new_folder(asked: Path | None) -> Path:
    """Raises: UserError where an earlier run lies: its orders would answer for ours."""
    folder = asked or FOLDER / time.strftime("%Y%m%d-%H%M%S")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty; a run of the demo needs a folder of its own")
    return folder
