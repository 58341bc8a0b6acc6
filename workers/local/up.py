"""Runs the stack in the foreground until somebody asks it to stop."""

import asyncio
import contextlib
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workers.local.blueprint import Plan
from workers.local.environment import VENDORS
from workers.local.ports import LOOPBACK
from workers.local.spelling import spell
from workers.local.stack import Stack

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(data_dir: Path, plan: Plan) -> None:
    """Returns once it was told to stop and everything has ended."""
    stack = Stack(data_dir, replace(plan, report=_say))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in _STOP_SIGNALS:
        loop.add_signal_handler(sign, stop.set)
    starting = asyncio.create_task(stack.start())
    if not await _comes_first(starting, stop):
        _say("stopping before the start was complete")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    await starting
    try:
        _say(_overview(stack))
        await stop.wait()
    finally:
        _say("stopping")
        await stack.stop()


def _say(line: str) -> None:
    # The terminal may be gone; the stack must still stop in order.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


async def _comes_first(task: asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Whether the task ended before the stop was asked for."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, task}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return task.done()


def _overview(stack: Stack) -> str:
    """Plain lines, so that a narrow terminal cuts no key and no address short."""
    rows = [
        ("API", stack.api_url),
        ("API docs", f"{stack.api_url}/docs"),
        ("API key", stack.api_key),
        ("kept in", str(stack.folder.key_file)),
        ("Settings", f". {shlex.quote(str(stack.folder.settings_file))}"),
        *_services(stack),
        ("Logs", str(stack.folder.logs_dir)),
        ("Stop", "Ctrl-C"),
    ]
    lines = [f"  {name:<12} {value}" for name, value in rows if value]
    return "\n".join([f"Cauce runs in {stack.data_dir}", *lines])


def _services(stack: Stack) -> Iterator[tuple[str, str]]:
    """What runs here, and what the settings put elsewhere."""
    names, ports = stack.blueprint.names, stack.blueprint.ports
    yield "Temporal", stack.temporal_address if "temporal" in names else "elsewhere"
    if "temporal" in names:
        yield "Temporal UI", stack.ui_url
    yield "PostgreSQL", f"{LOOPBACK}:{ports['postgres']}" if "postgres" in names else "elsewhere"
    if "sandbox" in names:
        yield "Sandbox", f"{stack.sandbox_url} stands in for {_vendors(stack, outside=False)}"
    yield "Real vendors", _vendors(stack, outside=True)
    if "mail" in names:
        yield "E-mails", spell("mail", "list", "--data-dir", stack.data_dir)


def _vendors(stack: Stack, *, outside: bool) -> str:
    is_outside = stack.blueprint.outside.has_vendor
    return ", ".join(vendor for vendor in VENDORS if is_outside(vendor) == outside)
