"""Fifty orders survive the SIGKILL of the worker, and of the supervisor, in their middle."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from db.engine import make_engine
from workers.importing import Origin
from workers.importing import import_setup as import_into
from workers.local.blueprint import Plan as StackPlan
from workers.local.datafolder import DataFolder
from workers.local.demo.client import ApiClient
from workers.local.demo.course import Course
from workers.local.demo.plan import Plan
from workers.local.demo.run import Wish, drive, run_inside
from workers.local.demo.shipped_set import plan_shipped
from workers.local.demo.vendors import Vendors
from workers.local.postgres import PostgresServer
from workers.local.stack import Stack
from workers.local.web import succeeds
from workers.setup_file import read_setup

pytestmark = pytest.mark.slow
ORDERS = 50
TIME_FACTOR = 20_000.0
STARTED_WITHIN_S = 90.0


async def until(is_so: Callable[[], bool], patience_s: float) -> None:
    async with asyncio.timeout(patience_s):
        while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.1)


async def test_the_worker_is_killed_in_the_middle_of_fifty_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, console = unhurried(plan_shipped(ORDERS)), Console()
    seen: list[Course] = []
    monkeypatch.setattr(
        "workers.local.demo.run.Course", lambda plan: seen.append(Course(plan)) or seen[0]
    )
    stack = Stack(tmp_path / "oms", StackPlan(time_factor=TIME_FACTOR))
    async with stack:
        wish = Wish(stack.data_dir, TIME_FACTOR)
        run = asyncio.create_task(run_inside(plan, wish, console, stack))
        for share in (0.1, 0.3, 0.6):
            await until(
                lambda share=share: run.done() or bool(seen and len(seen[0].ends) > share * ORDERS),
                180,
            )
            await stack.kill("worker")
        assert await run


def up(data_dir: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "workers", "up", "--data-dir", str(data_dir),
             "--time-factor", str(TIME_FACTOR)]  # fmt: skip
    with (data_dir.parent / "up.log").open("ab") as log:
        return subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)


class Running:
    """What the demo needs of a stack that another process supervises."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = DataFolder(data_dir)
        self.ports = json.loads((data_dir / "ports.json").read_text())
        self.api_key = (data_dir / "api-key").read_text().strip()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['sandbox']}"


async def ready(data_dir: Path) -> Running:
    async with asyncio.timeout(STARTED_WITHIN_S):
        while True:
            try:
                running = Running(data_dir)
                if await succeeds(running.ports["api"], "/ready"):
                    return running
            except (OSError, ValueError, KeyError):
                pass
            await asyncio.sleep(0.2)


async def test_the_supervisor_is_killed_in_the_middle_of_fifty_orders(tmp_path: Path) -> None:
    """A second start finds what the first left running, and every order goes on where it stood.

    All orders are placed a second time, too: nothing may come of that.
    """
    data_dir, plan, console = tmp_path / "oms", unhurried(plan_shipped(ORDERS)), Console()
    supervisor = up(data_dir)
    try:
        running = await ready(data_dir)
        await import_setup(plan, data_dir)
        await drive_for_a_while(plan, running)
    finally:
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
    async with Stack(data_dir, StackPlan(time_factor=TIME_FACTOR)) as stack:
        wish = Wish(stack.data_dir, TIME_FACTOR)
        assert await run_inside(plan, wish, console, stack)


def unhurried(plan: Plan) -> Plan:
    """A slip that expires and is paid while we are down is simply paid: both ends are right."""
    punctual = [order for order in plan.orders if "pm_boleto_late" not in str(order.document)]
    return replace(plan, orders=type(plan.orders)(punctual))


async def import_setup(plan: Plan, data_dir: Path) -> None:
    server = PostgresServer(data_dir)
    server.attach()
    engine = make_engine(server.url)
    setup = read_setup(json.loads(plan.setup.to_json()))
    await import_into(engine, setup, Origin("cli:tests"))
    await engine.dispose()


async def drive_for_a_while(plan: Plan, running: Running) -> None:
    """Place orders and work until a third of them is placed and some are in the carrier's hands."""
    course = Course(plan)
    async with (
        ApiClient(running.api_url, running.api_key) as api,
        Vendors(running.sandbox_url) as vendors,
    ):
        driving = asyncio.create_task(drive(course, Console(), api, vendors, running))
        try:
            await until(lambda: driving.done() or len(course.ends) > 0.2 * ORDERS, 120)
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)
