"""Brings the whole stack up in order, keeps it up, and takes it down in reverse."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Self

from workers.local import processes
from workers.local.blueprint import Blueprint, Plan
from workers.local.datafolder import DataFolder
from workers.local.orphans import stop_orphans
from workers.local.parts import Part, parse_key
from workers.local.postgres_home import find_earlier
from workers.local.supervisor import Supervisor


class Stack:
    """One data folder's stack; as a context it runs inside and is stopped at the end."""

    def __init__(self, data_dir: Path, plan: Plan | None = None) -> None:
        self.folder = DataFolder(data_dir)
        self.plan = plan or Plan()
        self.env: dict[str, str] = {}
        self.api_key = ""
        self.blueprint = Blueprint(self.folder, self.plan)
        self._supervisor = Supervisor(self.plan.report, self._write_state, self.plan.last_backoff_s)
        # What stands on what; taken down from the last to the first.
        self._stages: list[Sequence[Part]] = []

    @property
    def data_dir(self) -> Path:
        return self.folder.path

    @property
    def api_url(self) -> str:
        return self.blueprint.url("api")

    @property
    def sandbox_url(self) -> str:
        return self.blueprint.url("sandbox")

    @property
    def ui_url(self) -> str:
        return self.blueprint.url("ui")

    @property
    def temporal_address(self) -> str:
        return self.env["OMS_TEMPORAL_ADDRESS"]

    @property
    def database_url(self) -> str:
        return self.env["OMS_DATABASE_URL"]

    async def start(self) -> None:
        """Raises: UserError with the reason when a part does not come up; then nothing runs."""
        self.folder.__enter__()
        try:
            await stop_orphans(self.folder, self.plan.report)
            self.blueprint.draw()
            await self._start_stage(self.blueprint.services())
            self.env = self.blueprint.environment()
            self.folder.keep_settings(self.env)
            self._report_earlier_clusters()
            await self._migrate()
            # Neither needs the other, and each keeps one processor busy.
            await _all(self._find_key(), self._apply_schedules())
            await self._start_stage(self.blueprint.product(self.env))
            self._supervisor.begin()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        await self._supervisor.end()
        for stage in reversed(self._stages):
            await asyncio.gather(*(part.stop() for part in stage))
        self._stages.clear()
        self._write_state()
        self.folder.__exit__()

    async def kill(self, part: str, *, hold: bool = False) -> None:
        """SIGKILL; the supervisor starts it again unless it is held."""
        await self._supervisor.kill(part, hold=hold)

    async def restart(self, part: str) -> None:
        """Stop, start, and return when the part is ready again."""
        await self._supervisor.restart(part)

    async def redeploy_workers(self, words: Sequence[str]) -> None:
        """Run another worker from now on: each is replaced in its turn, the others go on."""
        await self._supervisor.redeploy("worker", words)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start_stage(self, stage: Sequence[Part]) -> None:
        self._stages.append(stage)
        await _all(*(self._start(part) for part in stage))

    def _report_earlier_clusters(self) -> None:
        if self.blueprint.postgres is not None:
            for area in find_earlier(self.data_dir, self.blueprint.postgres.home):
                self.plan.report(
                    f"{area} holds the database of an earlier {self.data_dir};"
                    " if that folder was removed, this can be removed, too"
                )

    async def _migrate(self) -> None:
        if "migrate" in self.blueprint.names:
            await self.blueprint.task("migrate", ["migrate"], self.env).run_once()

    async def _find_key(self) -> None:
        """The first API key, made at the first start."""
        if "migrate" in self.blueprint.names:
            self.api_key = self.folder.api_key() or await self._make_key()

    async def _apply_schedules(self) -> None:
        if "schedules" in self.blueprint.names:
            words = ["schedules", "apply"]
            await self.blueprint.task("schedules", words, self.env).run_once()

    async def _make_key(self) -> str:
        words = ["keys", "create", "--name", "bootstrap", "--scopes", "admin", "--json"]
        key = parse_key(await self.blueprint.task("keys", words, self.env).run_once())
        self.folder.keep_api_key(key)
        return key

    async def _start(self, part: Part) -> None:
        await part.start()
        self._supervisor.adopt(part)
        self._write_state()

    def _write_state(self) -> None:
        children = {
            part.name: processes.identify(part.child.pid)
            for stage in self._stages
            for part in stage
            if part.child is not None
        }
        self.folder.write_state({name: who for name, who in children.items() if who is not None})


async def _all(*starting: Coroutine[Any, Any, None]) -> None:
    """Side by side; the first failure is raised once none is halfway any more."""
    for outcome in await asyncio.gather(*starting, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
