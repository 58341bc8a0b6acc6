"""The commands of the one-machine stack: up, backup, restore, mail."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workers.local.mailbox import Mailbox

from workers.settings import FASTEST_TIME_FACTOR

DataDir = Annotated[Path, typer.Option("--data-dir", help="Where the stack keeps its data.")]
BackupFile = Annotated[Path, typer.Argument(help="The backup; it holds keys and customers.")]
_DATA_DIR = Path(".oms")
# Taken when free and nobody asked for others.
_PREFERRED_PORTS = {"api": 7080, "ui": 8233}


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(backup)
    app.command()(restore)
    mail = typer.Typer(
        help="The e-mails that the stack caught, and how they look.", no_args_is_help=True
    )
    mail.command("list")(mail_list)
    mail.command("show")(mail_show)
    mail.command("preview")(mail_preview)
    app.add_typer(mail, name="mail")


def up(
    data_dir: DataDir = _DATA_DIR,
    time_factor: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=FASTEST_TIME_FACTOR,
            help="How many seconds one second of waiting stands for.",
        ),
    ] = 1.0,
    api_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of the API; 7080 when it is free.")
    ] = None,
    ui_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of Temporal's UI; 8233 when it is free.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 1,
) -> None:
    """Start the whole stack on this machine; Ctrl-C stops it, and the next start resumes it."""
    from workers.environ import given_settings  # noqa: PLC0415
    from workers.local import up as command  # noqa: PLC0415
    from workers.local.blueprint import Plan  # noqa: PLC0415

    asked = {"api": api_port, "ui": ui_port}
    plan = Plan(
        time_factor=time_factor,
        workers=workers,
        asked_ports={name: port for name, port in asked.items() if port is not None},
        preferred_ports=_PREFERRED_PORTS,
        outside=given_settings(),
    )
    asyncio.run(command.run(data_dir, plan))


def backup(file: BackupFile, data_dir: DataDir = _DATA_DIR) -> None:
    """Write the data of a running or stopped stack into one file."""
    from workers.local import backup as command  # noqa: PLC0415

    asyncio.run(command.save(data_dir, file))
    typer.echo(f"{data_dir} saved in {file}")


def restore(file: BackupFile, data_dir: DataDir = _DATA_DIR) -> None:
    """Make a new data folder out of a backup."""
    from workers.local import backup as command  # noqa: PLC0415
    from workers.local.spelling import spell  # noqa: PLC0415

    asyncio.run(command.load(file, data_dir))
    typer.echo(f"{data_dir} restored; start it with: {spell('up', '--data-dir', data_dir)}")


def mail_list(data_dir: DataDir = _DATA_DIR) -> None:
    """One line an e-mail: number, date, recipient, subject, message id."""
    for caught in _mailbox(data_dir).list():
        typer.echo(
            f"{caught.number:>5}  {caught.date}  {caught.to}  {caught.subject}  {caught.message_id}"
        )


def mail_show(
    number: Annotated[int, typer.Argument(help="As `oms mail list` shows it.")],
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """One e-mail as its reader sees it."""
    from workers.local.mailbox import readable  # noqa: PLC0415

    typer.echo(readable(_mailbox(data_dir).read(number)))


def mail_preview(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("mails"),
    kind: Annotated[
        list[str] | None, typer.Option(help="As docs/messages.md lists them; all by default.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Or a locale, such as pt-BR; all three by default.")
    ] = None,
    setup: Annotated[
        Path | None, typer.Option(help="The import file that holds the brand.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Whose brand, when there are more.")] = None,
) -> None:
    """Write e-mails with invented facts as HTML and text."""
    from workers.mail_preview import brand_in, preview  # noqa: PLC0415

    for path in preview(out, kind or [], language or [], brand_in(setup, channel)):
        typer.echo(str(path))


def _mailbox(data_dir: Path) -> "Mailbox":
    from workers.errors import UserError  # noqa: PLC0415
    from workers.local.datafolder import DataFolder  # noqa: PLC0415
    from workers.local.mailbox import Mailbox  # noqa: PLC0415

    folder = DataFolder(data_dir)
    if not folder.has_data():
        raise UserError(f"{data_dir} holds no data of a stack")
    return Mailbox(folder.mail_dir)
