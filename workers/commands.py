"""The commands of production: each part of the system by itself, set up by environment."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from workers.errors import UserError
from workers.logs import settings_and_log

keys_app = typer.Typer(help="API keys.", no_args_is_help=True)
schedules_app = typer.Typer(help="Schedules in Temporal.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command("migrate")(migrate)
    app.command("api")(api)
    app.command("worker")(worker)
    app.command("import")(import_file)
    app.command("audit")(audit)
    app.command("recover")(recover)
    app.add_typer(keys_app, name="keys")
    app.add_typer(schedules_app, name="schedules")


def migrate() -> None:
    """Bring the database's schema to this version."""
    from db.migrate import migrate as upgrade  # noqa: PLC0415

    upgrade(settings_and_log().require_database_url())


def api() -> None:
    """Serve HTTP."""
    from workers.serving import serve_api  # noqa: PLC0415

    asyncio.run(serve_api(settings_and_log()))


def worker(
    queues: Annotated[str, typer.Option(help="Comma-separated; all when not given.")] = "",
) -> None:
    """Run workflows and activities, the inbox and the outbox."""
    from workers.worker import QUEUES, run_worker  # noqa: PLC0415

    chosen = [name.strip() for name in queues.split(",") if name.strip()] or list(QUEUES)
    asyncio.run(run_worker(settings_and_log(), chosen))


def import_file(file: Annotated[Path, typer.Argument(help="JSON; see docs/operations.md")]) -> None:
    """Import pools, locations, channels, products, stock and store credit."""
    from db.engine import make_engine  # noqa: PLC0415
    from workers.importing import import_setup  # noqa: PLC0415

    try:
        setup = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: {error}") from None

    async def run() -> dict[str, int]:
        engine = make_engine(settings_and_log().require_database_url())
        try:
            return await import_setup(engine, setup)
        finally:
            await engine.dispose()

    counts = asyncio.run(run())
    typer.echo(", ".join(f"{count} {part}" for part, count in counts.items() if count))


def audit(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Compare database, Temporal and vendors; exit 1 on any violation."""
    from workers.auditing import run_audit  # noqa: PLC0415

    violations = asyncio.run(run_audit(settings_and_log()))
    if as_json:
        typer.echo(json.dumps([violation.as_dict() for violation in violations], indent=1))
    else:
        for violation in violations:
            typer.echo(str(violation))
        typer.echo(f"{len(violations)} violations")
    raise typer.Exit(1 if violations else 0)


def recover(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is to be done.")
    ] = False,
) -> None:
    """Give every open order without a run its run back, from the database."""
    from workers.recovering import run_recovery  # noqa: PLC0415

    done = asyncio.run(run_recovery(settings_and_log(), dry_run=dry_run))
    for order_id in done.started:
        typer.echo(f"{'to start' if dry_run else 'started'}: {order_id}")
    for order_id in done.held_back:
        typer.echo(f"not yet: {order_id}: a parcel of it still runs; recover again when it ended")
    for order_id in done.without_document:
        typer.echo(f"cannot: {order_id}: its document is not in the inbox")
    verb = "to start" if dry_run else "started"
    typer.echo(f"{len(done.started)} {verb}, {done.running} running already")
    raise typer.Exit(1 if done.held_back or done.without_document else 0)


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="Who uses it.")],
    scopes: Annotated[str, typer.Option(help="Comma-separated scopes.")],
    *,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Create a key and print it: it cannot be shown again."""
    from workers.keys import create  # noqa: PLC0415

    key = asyncio.run(create(settings_and_log(), name, scopes))
    typer.echo(json.dumps({"key": key}) if as_json else key)


@keys_app.command("list")
def list_keys() -> None:
    """List keys; never their secrets."""
    from workers.keys import listing  # noqa: PLC0415

    for line in asyncio.run(listing(settings_and_log())):
        typer.echo(line)


@keys_app.command("revoke")
def revoke_key(key_id: str) -> None:
    """Revoke a key at once."""
    from workers.keys import revoke  # noqa: PLC0415

    asyncio.run(revoke(settings_and_log(), key_id))


@schedules_app.command("apply")
def apply() -> None:
    """Make or update every schedule, and register the search attributes."""
    from workers.schedules import apply_schedules  # noqa: PLC0415
    from workers.temporal import connect  # noqa: PLC0415

    settings = settings_and_log()

    async def run() -> list[str]:
        return await apply_schedules(await connect(settings), settings)

    for name in asyncio.run(run()):
        typer.echo(name)
