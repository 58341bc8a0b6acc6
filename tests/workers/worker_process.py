"""`oms worker`, or `oms api`, as a process of its own, on somebody else's world."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.workers.command_line import ROOT
from workers.environ import machine_environment
from workers.settings import Settings

PATIENCE_S = 120.0
# What the worlds of these tests set.
_GIVEN = (
    "temporal_address", "stripe_url", "easypost_url", "time_factor", "build_id", "deployment_name",
    "api_port",
)  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """The variables that say what these settings say."""
    plain = {name: getattr(settings, name) for name in _GIVEN}
    said = {name: str(value) for name, value in plain.items() if value is not None}
    return {f"OMS_{name.upper()}": value for name, value in (said | settings.secrets()).items()}


@dataclass
class WorkerProcess:
    folder: Path
    settings: Settings
    command: str = "worker"
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        env = machine_environment() | environment(self.settings)
        env["OMS_READY_FILE"] = str(self.ready_file)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers", self.command], cwd=ROOT, env=env, stdout=log,
                stderr=log,
            )  # fmt: skip

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready"

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text()

    async def is_ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.ready_file.exists():
                assert self.process.poll() is None, self.said
                await asyncio.sleep(0.05)

    async def ends(self) -> int:
        """Ask it to, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), PATIENCE_S)


@contextmanager
def a_worker(folder: Path, settings: Settings, command: str = "worker") -> Iterator[WorkerProcess]:
    worker = WorkerProcess(folder, settings, command)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            os.kill(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
