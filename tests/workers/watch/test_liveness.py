"""A worker that does no more work says so, however it came to that."""

import asyncio
import secrets
import signal
import socket
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from temporalio.client import Client

from activities.reconciling.tasks import TaskActivities
from db.engine import make_engine
from tests.workers.watch.house import Process, is_working, process, until
from workers.errors import UserError
from workers.local.temporal import TemporalServer
from workers.settings import Settings
from workers.temporal import measuring_runtime
from workers.watch.process import open_watch
from workers.watch.pulse import EVENT_LOOP, Pulse
from workers.watch.server import serving
from workers.worker import _serve, make_worker


@pytest.fixture
def settings(database_url: str, temporal_server: TemporalServer) -> Settings:
    return Settings(
        database_url=database_url, temporal_address=temporal_server.address, wedged_after_s=5.0
    )


async def tells_of(worker: Process, loop: str) -> bool:
    status, told = await worker.live()
    return status == 503 and f"{loop} has not turned for" in told


def silent(loop: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return "oms_loop_silent_seconds", (("loop", loop),)


async def test_an_event_loop_that_stands_still_is_told_by_its_own_process(
    settings: Settings, tmp_path: Path
) -> None:
    with process(["tests.workers.watch.wedged_worker"], settings, tmp_path) as worker:
        await until(lambda: is_working(worker))
        worker.child.send_signal(signal.SIGUSR1)
        await until(lambda: tells_of(worker, EVENT_LOOP))
        assert (await worker.samples())[silent(EVENT_LOOP)] > settings.wedged_after_s
        worker.child.kill()


async def test_a_loop_that_hangs_is_told_while_the_others_go_on(
    settings: Settings, tmp_path: Path
) -> None:
    words = ["tests.workers.watch.wedged_worker", "outbox"]
    with process(words, settings, tmp_path) as worker:
        await until(lambda: tells_of(worker, "outbox"))
        found = await worker.samples()
        assert found[silent("outbox")] > settings.wedged_after_s
        assert found[silent("outbox")] > max(found[silent("inbox")], found[silent(EVENT_LOOP)])


async def test_pollers_that_stopped_are_told(settings: Settings, temporal: Client) -> None:
    activities = [TaskActivities(make_engine(settings.require_database_url())).forget_lines]
    idle = make_worker(temporal, f"idle-{secrets.token_hex(4)}", activities)
    stop = asyncio.Event()
    async with open_watch(settings, "test") as watch:
        serve = asyncio.create_task(_serve(settings, [idle], [], watch, stop))
        await until(lambda: idle.is_running)
        assert watch.pulse.faults() == []
        await idle.shutdown()
        assert watch.pulse.faults() == [f"polling of {idle.task_queue} has stopped"]
        stop.set()
        await serve
        assert watch.pulse.faults() == []  # it ended on purpose


def test_a_silent_loop_is_wedged_and_beats_again() -> None:
    now = 0.0
    pulse = Pulse(10.0, lambda: now)
    beat = pulse.beater("some")
    now = 10.0
    assert pulse.faults() == []
    now = 10.1
    assert pulse.faults() == ["some has not turned for 10 s"]
    beat()
    assert pulse.faults() == []


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(UserError, match=f"cannot be served on 127.0.0.1:{port}"),
            serving("127.0.0.1", port, CollectorRegistry(), Pulse(1.0)),
        ):
            pass
        with pytest.raises(UserError, match=f"Temporal's metrics .* on 127.0.0.1:{port}"):
            measuring_runtime(Settings(temporal_metrics_port=port))
