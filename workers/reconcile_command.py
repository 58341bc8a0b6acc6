"""The command `oms reconcile`: compares all books once now and prints what differs."""

import asyncio
import json
from typing import Annotated, Any

import typer

from workers.settings import load_settings


def register(app: typer.Typer) -> None:
    app.command("reconcile")(reconcile)


def reconcile(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Compare our books with all others' once now; exit 1 when a task is open. Needs a worker."""
    from workers.reconciling import run_reconciliation  # noqa: PLC0415

    tasks = asyncio.run(run_reconciliation(load_settings()))
    if as_json:
        typer.echo(json.dumps(tasks, indent=1, default=str))
    else:
        for task in tasks:
            typer.echo(_text(task))
        typer.echo(f"{len(tasks)} open tasks")
    raise typer.Exit(1 if tasks else 0)


def _text(task: dict[str, Any]) -> str:
    sides = (f"{side}: {json.dumps(task[side])}" for side in ("ours", "theirs"))
    head = f"{task['task_id']} {task['kind']}: {task['subject']}: {task['detail']}"
    return "\n    ".join([head, *sides])
