"""The command `oms`: gathers the commands and turns expected errors into one line."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from workers import (
    commands,
    credential_commands,
    logs,
    privacy_commands,
    reconcile_command,
    webhook_commands,
)
from workers.errors import UserError
from workers.local import commands as local_commands
from workers.local.bench import commands as bench_commands
from workers.local.demo import commands as demo_commands
from workers.local.prove import commands as prove_commands

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


def build() -> typer.Typer:
    """The application with every command."""
    app = typer.Typer(
        name="oms",
        help="Cauce, an order management system. Settings are environment variables: OMS_*.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # Each adds its own commands and imports what is heavy inside them.
    for module in (
        commands,
        reconcile_command,
        webhook_commands,
        credential_commands,
        privacy_commands,
        local_commands,
        demo_commands,
        prove_commands,
        bench_commands,
    ):
        module.register(app)
    return app


def run_command(command: Callable[[], object]) -> None:
    """Exits with 2 on what a person must change, as for a wrong option."""
    try:
        command()
    except UserError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        from workers.explaining import explain  # noqa: PLC0415 - heavy, and seldom needed

        line = explain(error)
        if line is None:
            raise
        _refuse(line)


def _refuse(line: str) -> NoReturn:
    sys.stderr.write(f"oms: {line}\n")
    sys.exit(EXIT_USER_ERROR)


def main() -> None:
    code: object = 0
    logs.install()
    try:
        run_command(build())
    except SystemExit as end:
        code = end.code
    _leave(code)


def _leave(code: object) -> None:
    """End the process without tearing the interpreter down.

    The Temporal client's native threads may still call into it; a command that had done all its
    work would now and then end with a crash.
    """
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    logging.shutdown()
    # Whoever read our output may be gone.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
