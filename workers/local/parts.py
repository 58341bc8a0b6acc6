"""The Python processes of the stack: how each is started and how it proves that it is ready."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workers.errors import UserError
from workers.local import processes, web
from workers.local.files import log_size, log_tail, make_private_folder, open_log
from workers.local.ports import LOOPBACK

START_TIMEOUT_S = 60.0
# A worker finishes its running steps in this time; what is not finished is repeated later.
STOP_STEPS = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

Ready = Callable[[], Awaitable[bool]]


class Part(Protocol):
    """Whatever the supervisor starts, watches and stops."""

    @property
    def name(self) -> str: ...
    @property
    def child(self) -> subprocess.Popen[bytes] | None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass
class PythonPart:
    """A Python module run as a process of its own."""

    name: str
    words: Sequence[str]
    env: Mapping[str, str]
    data_dir: Path
    ready: Ready
    child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.data_dir / "logs" / f"{self.name}.log"

    @property
    def ready_file(self) -> Path:
        return ready_file(self.data_dir, self.name)

    async def start(self) -> None:
        """Raises: UserError when it ends or stays silent instead of becoming ready."""
        make_private_folder(self.ready_file.parent)
        self.ready_file.unlink(missing_ok=True)
        said = log_size(self.log)
        self.child = processes.spawn(self._launch())
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self.ready():
            if self.child.poll() is not None:
                reason = log_tail(self.log, since=said, lines=1)
                raise UserError(f"{self.name} did not start: {reason} (see {self.log})")
            if time.monotonic() > deadline:
                raise UserError(f"{self.name} does not become ready (see {self.log})")
            await asyncio.sleep(processes.POLL_S)

    async def stop(self) -> None:
        if self.child is not None:
            await processes.stop_child(self.child, STOP_STEPS)
            self.child = None

    async def run_once(self) -> str:
        """Run to the end and return what it printed. Raises: UserError when it fails."""
        launch = self._launch()
        with open_log(self.log) as log:
            process = await asyncio.create_subprocess_exec(
                *launch.argv,
                env=dict(launch.env),
                cwd=launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            try:
                printed, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
        if process.returncode != 0:
            raise UserError(f"{self.name} failed: {log_tail(self.log, lines=1)} (see {self.log})")
        return printed.decode("utf-8")

    def _launch(self) -> processes.Launch:
        env = dict(self.env)
        env["OMS_READY_FILE"] = str(self.ready_file)
        env["PYTHONUNBUFFERED"] = "1"
        env[processes.MARK] = processes.mark_of(self.name, self.data_dir)
        return processes.Launch([sys.executable, "-m", *self.words], env, self.log, self.data_dir)


def ready_file(data_dir: Path, part: str) -> Path:
    return data_dir / "run" / f"{part}.ready"


def answers_http(port: int, path: str) -> Ready:
    async def ready() -> bool:
        return await web.succeeds(port, path)

    return ready


def greets(port: int) -> Ready:
    """SMTP servers speak first: 220 means ready."""

    async def ready() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                return (await asyncio.wait_for(reader.readline(), 5.0)).startswith(b"220")
            finally:
                writer.close()
        except OSError:
            return False

    return ready


def announces(data_dir: Path, part: str) -> Ready:
    """The process creates its OMS_READY_FILE."""
    path = ready_file(data_dir, part)

    async def ready() -> bool:
        return await asyncio.to_thread(path.exists)

    return ready


def parse_key(printed: str) -> str:
    """The API key out of what `oms keys create --json` prints."""
    try:
        return str(json.loads(printed)["key"])
    except (ValueError, KeyError, TypeError):
        raise UserError("`oms keys create --json` printed no key") from None
