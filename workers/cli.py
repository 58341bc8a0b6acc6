"""The command `oms`: gathers the commands and turns expected errors into one line."""

import importlib.util
import sys

import typer

from workers.errors import UserError

EXIT_USER_ERROR = 2

app = typer.Typer(
    name="oms",
    help="Cauce, an order management system. Every command reads its settings from OMS_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _register() -> None:
    """Each module of commands adds its own; heavy imports happen inside the commands."""
    # Guarded only while the modules are being written.
    if importlib.util.find_spec("workers.commands") is not None:
        importlib.import_module("workers.commands").register(app)


def main() -> None:
    """Exits with 2 on what a person must change, as for a wrong option."""
    _register()
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"oms: {error}\n")
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)
