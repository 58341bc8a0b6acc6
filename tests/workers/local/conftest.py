"""Runs stacks without API and workers: as objects, and as processes of their own to be killed."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workers.local import processes
from workers.local.blueprint import Plan

SERVICES = frozenset({"postgres", "temporal", "sandbox", "mail"})
_RUN_UP = """
import asyncio, sys
from pathlib import Path
from workers.cli import run_command
from workers.local import up
from workers.local.blueprint import Plan
plan = Plan(parts=frozenset(sys.argv[2].split(",")))
run_command(lambda: asyncio.run(up.run(Path(sys.argv[1]), plan)))
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder whose cluster is removed at the end, also where it lives elsewhere."""
    folder = tmp_path / "oms"
    yield folder
    for _, who in processes.marked(folder):
        os.kill(who.pid, signal.SIGKILL)
    for pointer in tmp_path.glob("*/postgres.cluster.json"):
        area = Path(json.loads(pointer.read_text())["area"])
        shutil.rmtree(area, ignore_errors=True)
        area.with_name(f"{area.name}.owner.json").unlink(missing_ok=True)


@pytest.fixture
def services() -> Plan:
    return Plan(time_factor=20_000, parts=SERVICES)


class Up:
    """`oms up` as a process; what it prints is kept in a file."""

    def __init__(self, data_dir: Path, parts: str) -> None:
        self.output = data_dir.with_name(f"up-{time.monotonic_ns()}.txt")
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN_UP, str(data_dir), parts],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def printed(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str, patience_s: float = 60.0) -> None:
        deadline = time.monotonic() + patience_s
        while text not in self.printed():
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.02)

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(timeout=60)


StartUp = Callable[..., Up]


@pytest.fixture
def start_up(data_dir: Path) -> Iterator[StartUp]:
    started: list[Up] = []

    def start(parts: str = "postgres,temporal,mail") -> Up:
        started.append(Up(data_dir, parts))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.end(signal.SIGTERM)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write anywhere, so a test of missing permission gives that up for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
