"""Launches the real Temporal server with its UI from the wheel's program, on a file."""

import asyncio
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Self

from workers.environ import machine_environment
from workers.errors import UserError
from workers.local import processes, web, wheels
from workers.local.files import log_size, log_tail, make_private_folder
from workers.local.ports import LOOPBACK, PortBook

NAMESPACE = "default"
# How long a closed run stays readable, and how long its workflow id stays known.
RETENTION = timedelta(days=30)
_RETENTION = f"{RETENTION.total_seconds():.0f}s"
_NAMESPACE_PATH = f"/api/v1/namespaces/{NAMESPACE}"
START_TIMEOUT_S = 60.0
STOP_STEPS = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

# What an operator filters by in the UI; never personal data, for these are kept in clear text.
SEARCH_ATTRIBUTES = {
    "OmsStatus": "Keyword",
    "OmsChannel": "Keyword",
    "OmsLocation": "KeywordList",
    "OmsCarrier": "Keyword",
    "OmsException": "Keyword",
    "OmsNeedsHuman": "Bool",
    "OmsPromiseBy": "Datetime",
}
# Twice the throughput of the defaults; a power cut loses at most the last moments, never order.
_PRAGMAS = {"journal_mode": "WAL", "synchronous": "NORMAL"}
# One machine needs no partitions; a single one shortens the tail.
_DYNAMIC_CONFIG = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}


class TemporalServer:
    """One server with one namespace, on a file of the data folder; reachable on 127.0.0.1 alone.

    Not durable means: everything stays in memory.
    """

    name = "temporal"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        durable: bool = True,
        headless: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self.durable = durable
        self.child: subprocess.Popen[bytes] | None = None
        self.log = data_dir / "logs" / "temporal.log"
        self.port = port or 0
        self._http_port = 0
        self.ui_port = ui_port or 0
        self._headless = headless

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ui_port}"

    @property
    def file(self) -> Path:
        return self.data_dir / "temporal.sqlite"

    async def start(self) -> None:
        """Raises: UserError when the server cannot be brought to answer."""
        make_private_folder(self.data_dir)
        await self.stop_leftover()
        book = PortBook(self.data_dir / "ports.json")
        self.port = self.port or book.choose(self.name)
        self._http_port = self._http_port or book.choose("temporal-http")
        if not self._headless:
            self.ui_port = self.ui_port or book.choose("ui")
        said = log_size(self.log)
        self.child = processes.spawn(self._launch())
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._answers():
            if self.child.poll() is not None:
                raise UserError(
                    f"Temporal did not start: {log_tail(self.log, since=said)} (see {self.log})"
                )
            if time.monotonic() > deadline:
                raise UserError(f"Temporal does not answer (see {self.log})")
            await asyncio.sleep(processes.POLL_S)

    async def stop(self) -> None:
        if self.child is not None:
            # What lives in memory has nothing to finish.
            await processes.stop_child(self.child, STOP_STEPS if self.durable else STOP_STEPS[1:])
            self.child = None

    async def stop_leftover(self) -> None:
        """End a server of this folder that outlived whoever started it."""
        for _, who in processes.marked(self.data_dir, self.name):
            if not await processes.stop(who, STOP_STEPS):
                raise UserError(f"an earlier Temporal (process {who.pid}) does not stop")

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _launch(self) -> processes.Launch:
        command = [str(wheels.temporal_program()), "server", "start-dev", "--ip", LOOPBACK]
        command += ["--port", str(self.port), "--http-port", str(self._http_port)]
        command += ["--log-level", "warn", "--namespace", NAMESPACE]
        if self._headless:
            command += ["--headless"]
        else:
            command += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        if self.durable:
            # Relative to where it runs: it would take ? and # in a path for the end of the name.
            command += ["--db-filename", self.file.name]
            command += [f"--sqlite-pragma={key}={value}" for key, value in _PRAGMAS.items()]
        command += [f"--dynamic-config-value={key}={v}" for key, v in _DYNAMIC_CONFIG.items()]
        command += [f"--search-attribute={key}={kind}" for key, kind in SEARCH_ATTRIBUTES.items()]
        env = machine_environment() | {processes.MARK: processes.mark_of(self.name, self.data_dir)}
        return processes.Launch(command, env, self.log, self.data_dir)

    async def _answers(self) -> bool:
        """Whether it serves the namespace with our retention and all search attributes."""
        found = await web.ask_json(self._http_port, _NAMESPACE_PATH)
        if found is None:
            return False
        known = found["config"].get("customSearchAttributeAliases", {})
        if not SEARCH_ATTRIBUTES.keys() <= set(known.values()):
            return False
        if found["config"]["workflowExecutionRetentionTtl"] == _RETENTION:
            return True
        # The command line cannot set it.
        wanted = {"config": {"workflowExecutionRetentionTtl": _RETENTION}}
        return await web.ask_json(self._http_port, f"{_NAMESPACE_PATH}/update", wanted) is not None
