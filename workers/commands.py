"""The commands of production: each part of the system by itself, set up by environment."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from workers.errors import UserError
from workers.logs import settings_and_log

if TYPE_CHECKING:
    from workers.bulk_import import Options

FAULTS_SHOWN: Final = 10
keys_app = typer.Typer(help="API keys.", no_args_is_help=True)
Reason = Annotated[str | None, typer.Option(help="Why; kept in the audit log.")]
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
    from workers.actor import cli_actor  # noqa: PLC0415

    upgrade(settings_and_log().require_database_url(), cli_actor())


def api() -> None:
    """Serve HTTP."""
    from workers.event_loop import run  # noqa: PLC0415
    from workers.serving import serve_api  # noqa: PLC0415

    run(serve_api(settings_and_log()))


def worker(
    queues: Annotated[
        str,
        typer.Option(help="Of core, payments, carriers, channels: comma-separated; usually all."),
    ] = "",
) -> None:
    """Run workflows and activities, the inbox and the outbox."""
    from workers.event_loop import run  # noqa: PLC0415
    from workers.worker import QUEUES, run_worker  # noqa: PLC0415

    chosen = [name.strip() for name in queues.split(",") if name.strip()] or list(QUEUES)
    run(run_worker(settings_and_log(), chosen))


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A set-up as JSON, or rows as .csv or .jsonl; docs/catalogue.md")
    ],
    kind: Annotated[
        str | None,
        typer.Option(help="Of rows: products, locations, stock; else as the file is named."),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; else beside the file.")
    ] = None,
    reason: Reason = None,
    *,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Take no row when any is faulty.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report of rows.")] = False,
) -> None:
    """Import a set-up, or products, locations or stock in bulk; exit 1 when rows were rejected."""
    from workers.bulk_import import Options, is_bulk  # noqa: PLC0415

    options = Options(kind, all_or_nothing, rejects)
    if is_bulk(file):
        _import_rows(file, options, reason, as_json=as_json)
    elif options != Options() or as_json:
        raise UserError(
            "a set-up is taken whole or not at all: these options are for .csv and .jsonl"
        )
    else:
        _import_setup(file, reason)


def _import_setup(file: Path, reason: str | None) -> None:
    from db.engine import make_engine  # noqa: PLC0415
    from workers.actor import cli_actor  # noqa: PLC0415
    from workers.importing import Origin, import_setup  # noqa: PLC0415
    from workers.setup_file import read_file  # noqa: PLC0415

    setup = read_file(file)

    async def run() -> dict[str, int]:
        engine = make_engine(settings_and_log().require_database_url())
        try:
            return await import_setup(engine, setup, Origin(cli_actor(), reason))
        finally:
            await engine.dispose()

    counts = asyncio.run(run())
    done = ", ".join(f"{count} {part.replace('_', ' ')}" for part, count in counts.items() if count)
    typer.echo(done or "nothing: the file holds no part")


def _import_rows(file: Path, options: "Options", reason: str | None, *, as_json: bool) -> None:
    from db.inbox.catalog import By  # noqa: PLC0415
    from workers.actor import cli_actor  # noqa: PLC0415
    from workers.bulk_import import import_rows  # noqa: PLC0415

    by = By(cli_actor(), reason)
    report, rejects = asyncio.run(import_rows(settings_and_log(), file, options, by))
    if as_json:
        typer.echo(json.dumps(report, indent=1))
    else:
        counted = ("created", "updated", "unchanged", "rejected")
        typer.echo(", ".join(f"{report[name]} {name}" for name in counted))
        for each in report["rejects"][:FAULTS_SHOWN]:
            faults = "; ".join(f"{f['field']}: {f['reason']}" for f in each["faults"])
            typer.echo(f"  row {each['row']}: {faults}")
        if report["detail"]:
            typer.echo(report["detail"])
        if rejects:
            typer.echo(f"the rejects, to be corrected and imported again: {rejects}")
    raise typer.Exit(1 if report["rejected"] else 0)


def audit(
    *, as_json: Annotated[bool, typer.Option("--json", help="A list for machines.")] = False
) -> None:
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
    reason: Reason = None,
) -> None:
    """Give every open order and return without a run its run back, from the database."""
    from workers.recovering import run_recovery  # noqa: PLC0415

    done = asyncio.run(run_recovery(settings_and_log(), dry_run=dry_run, reason=reason))
    for order_id in done.started:
        typer.echo(f"{'to start' if dry_run else 'started'}: {order_id}")
    for rma in done.returns:
        typer.echo(f"{'to start' if dry_run else 'started'}: {rma}")
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
    scopes: Annotated[str, typer.Option(help="Comma-separated: orders:write and so on.")] = "",
    role: Annotated[str, typer.Option(help="Comma-separated roles: named sets of scopes.")] = "",
    reason: Reason = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="An object for machines.")] = False,
) -> None:
    """Create a key and print it: it cannot be shown again."""
    from workers.keys import create, scopes_of  # noqa: PLC0415

    key = asyncio.run(create(settings_and_log(), name, scopes_of(scopes, role), reason))
    typer.echo(json.dumps({"key": key}) if as_json else key)


@keys_app.command("list")
def list_keys() -> None:
    """List keys; never their secrets."""
    from workers.keys import listing  # noqa: PLC0415

    for line in asyncio.run(listing(settings_and_log())):
        typer.echo(line)


@keys_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="As `oms keys list` shows it.")],
    reason: Reason = None,
) -> None:
    """Revoke a key at once."""
    from workers.keys import revoke  # noqa: PLC0415

    asyncio.run(revoke(settings_and_log(), key_id, reason))
    typer.echo(f"{key_id} is revoked")


@keys_app.command("roles")
def list_roles() -> None:
    """List the roles and their scopes."""
    from domain.access import ROLES  # noqa: PLC0415

    for role, scopes in ROLES.items():
        typer.echo(f"{role}: {', '.join(sorted(scopes))}")


@schedules_app.command("apply")
def apply(reason: Reason = None) -> None:
    """Make or update every schedule, and register the search attributes."""
    from workers.schedules import run_apply  # noqa: PLC0415

    for name in asyncio.run(run_apply(settings_and_log(), reason)):
        typer.echo(name)
