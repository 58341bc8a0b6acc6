"""The commands for vendors' credentials: set, list, remove, rotate."""

import asyncio
import sys

import typer

from workers.logs import settings_and_log


def register(app: typer.Typer) -> None:
    commands = typer.Typer(
        help="Vendors' credentials, sealed in the database.", no_args_is_help=True
    )
    commands.command("set")(set_credential)
    commands.command("list")(list_credentials)
    commands.command("remove")(remove_credential)
    commands.command("rotate")(rotate_credentials)
    app.add_typer(commands, name="credentials")


def set_credential(vendor: str, name: str) -> None:
    """Keep the value that is read from standard input: `oms credentials set stripe key < FILE`."""
    from workers.credentials import store  # noqa: PLC0415

    settings = settings_and_log()
    is_typed = sys.stdin.isatty()
    value = typer.prompt("value", hide_input=True) if is_typed else sys.stdin.read()
    asyncio.run(store(settings, vendor, name, value.strip()))


def list_credentials() -> None:
    """List vendor, name, the key it is sealed with and the moment it was set; never values."""
    from workers.credentials import listing  # noqa: PLC0415

    for each in asyncio.run(listing(settings_and_log())):
        typer.echo(f"{each.vendor}  {each.name}  {each.key_id}  {each.set_at:%Y-%m-%d %H:%M}")


def remove_credential(vendor: str, name: str) -> None:
    """Forget a credential."""
    from workers.credentials import remove  # noqa: PLC0415

    asyncio.run(remove(settings_and_log(), vendor, name))


def rotate_credentials() -> None:
    """Seal all again with the newest key of OMS_SECRETS_KEYS; then older keys may go."""
    from workers.credentials import rotate  # noqa: PLC0415

    typer.echo(f"{asyncio.run(rotate(settings_and_log()))} sealed anew")
