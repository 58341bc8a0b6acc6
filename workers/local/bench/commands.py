"""The commands of `oms bench`: measurements that print their figures."""

import typer

from workers.local.bench import search_command, stock_command


def register(app: typer.Typer) -> None:
    bench = typer.Typer(help="Measure on a stack of its own.", no_args_is_help=True)
    # A group of one command would be that command.
    bench.callback()(lambda: None)
    search_command.register(bench)
    stock_command.register(bench)
    app.add_typer(bench, name="bench")
