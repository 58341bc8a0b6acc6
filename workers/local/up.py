"""Runs the stack in the foreground until somebody asks it to stop."""

import asyncio
import contextlib
import signal
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workers.local.blueprint import Plan
from workers.local.environment import VENDORS
from workers.local.stack import Stack

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(data_dir: Path, plan: Plan) -> None:
    """Returns once it was told to stop and everything has ended."""
    console = Console(highlight=False, soft_wrap=True)

    def say(what: str | Table) -> None:
        # The terminal may be gone; the stack must still stop in order.
        with contextlib.suppress(OSError):
            console.print(what)

    stack = Stack(data_dir, replace(plan, report=say))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in _STOP_SIGNALS:
        loop.add_signal_handler(sign, stop.set)
    starting = asyncio.create_task(stack.start())
    if not await _comes_first(starting, stop):
        say("stopping before the start was complete")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    await starting
    try:
        say(_overview(stack))
        await stop.wait()
    finally:
        say("stopping")
        await stack.stop()


async def _comes_first(task: asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Whether the task ended before the stop was asked for."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, task}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return task.done()


def _overview(stack: Stack) -> Table:
    table = Table(show_header=False, box=None, title=f"Cauce runs in {stack.data_dir}")
    names = stack.blueprint.names
    table.add_row("API", stack.api_url)
    table.add_row("API docs", f"{stack.api_url}/docs")
    table.add_row("API key", f"{stack.api_key} (kept in {stack.folder.key_file})")
    table.add_row("Temporal", stack.env.get("OMS_TEMPORAL_ADDRESS", "yours"))
    if "temporal" in names:
        table.add_row("Temporal UI", stack.ui_url)
    database = f"127.0.0.1:{stack.blueprint.ports['postgres']}" if "postgres" in names else "yours"
    table.add_row("PostgreSQL", database)
    yours = [vendor for vendor in VENDORS if stack.blueprint.outside.has_vendor(vendor)]
    if "sandbox" in names:
        table.add_row("Vendors", f"sandbox at {stack.sandbox_url}")
    if yours:
        table.add_row("Yours", ", ".join(yours))
    if "mail" in names:
        table.add_row("E-mails", f"oms mail list --data-dir {stack.data_dir}")
    table.add_row("Logs", str(stack.folder.logs_dir))
    table.add_row("Stop", "Ctrl-C")
    return table
