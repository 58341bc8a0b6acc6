"""Runs the stack in the foreground until somebody asks it to stop."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workers.environ import given_settings
from workers.local.blueprint import Plan
from workers.local.environment import VENDORS
from workers.local.stack import Stack

# Taken when free and nobody asked for others.
PREFERRED_PORTS = {"api": 7080, "ui": 8233}
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(
    data_dir: Path, *, time_factor: float, workers: int, asked_ports: Mapping[str, int]
) -> None:
    """Settings given in the environment replace the stack's own services."""
    console = Console(highlight=False, soft_wrap=True)
    plan = Plan(
        time_factor=time_factor,
        workers=workers,
        asked_ports=asked_ports,
        preferred_ports=PREFERRED_PORTS,
        outside=given_settings(),
        report=console.print,
    )
    stack = Stack(data_dir, plan)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in _STOP_SIGNALS:
        loop.add_signal_handler(sign, stop.set)
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(stack.start())
    await asyncio.wait({stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    starting.result()
    try:
        console.print(_overview(stack))
        await stopping
    finally:
        console.print("stopping")
        await stack.stop()


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
