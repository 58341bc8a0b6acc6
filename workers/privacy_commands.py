"""The commands for a customer's rights: export what is held about them, and erase it."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from workers.errors import UserError
from workers.logs import settings_and_log

Customer = Annotated[str, typer.Argument(help="The e-mail address.")]


def register(app: typer.Typer) -> None:
    commands = typer.Typer(help="What is held about a customer.", no_args_is_help=True)
    commands.command("export")(export)
    commands.command("erase")(erase)
    app.add_typer(commands, name="privacy")


def export(
    customer: Customer,
    file: Annotated[Path | None, typer.Option("--json", help="Write to this file.")] = None,
) -> None:
    """Write everything that is held about a customer, as JSON by table."""
    from workers.privacy import run_export  # noqa: PLC0415

    held = asyncio.run(run_export(settings_and_log(), customer))
    text = json.dumps(held, indent=1, ensure_ascii=False)
    if file is None:
        typer.echo(text)
        return
    try:
        file.touch(mode=0o600)
        file.write_text(f"{text}\n")
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    typer.echo(f"{sum(map(len, held.values()))} rows in {file}")


def erase(
    customer: Customer,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone.")] = False,
) -> None:
    """Replace a customer's personal data with a pseudonym, everywhere in the database."""
    from workers.privacy import run_erasure  # noqa: PLC0415

    if not yes:
        raise UserError("erasing cannot be undone; repeat the command with --yes")
    erased = asyncio.run(run_erasure(settings_and_log(), customer))
    if erased is None:
        typer.echo("nothing is held about this customer")
    else:
        typer.echo(f"{erased.orders} orders, {erased.rows} rows: now {erased.pseudonym}")
