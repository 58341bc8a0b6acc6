"""`oms up` as a process: stopped, killed, and started again on what it left behind."""

import json
import os
import shutil
import signal
import stat
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.workers.local.conftest import StartUp
from workers.local import processes
from workers.local.postgres import PostgresServer
from workers.local.postgres_home import SYSTEM_USER

_RUNS = "Cauce runs in"


def _pids(data_dir: Path) -> dict[str, int]:
    return {name: who.pid for name, who in processes.marked(data_dir)}


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_stops_everything_cleanly(
    data_dir: Path, start_up: StartUp, sign: signal.Signals
) -> None:
    up = start_up("postgres,mail")
    up.wait_for(_RUNS)
    assert set(_pids(data_dir)) == {"postgres", "mail"}
    assert up.end(sign) == 0
    assert not _pids(data_dir)
    assert "database system is shut down" in (data_dir / "logs/postgres.log").read_text()


def test_a_signal_during_the_start_leaves_nothing_running(
    data_dir: Path, start_up: StartUp
) -> None:
    up = start_up("postgres,temporal,mail")
    up_log = data_dir / "logs/temporal.log"
    while not up_log.exists():
        assert up.process.poll() is None
    assert up.end(signal.SIGINT) == 0
    assert "stopping before the start was complete" in up.printed()
    assert not _pids(data_dir)


def _put_row(data_dir: Path) -> None:
    server = PostgresServer(data_dir)
    server.attach()
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (answer int)")
        connection.execute("INSERT INTO kept VALUES (42)")


def _rows(data_dir: Path) -> int:
    server = PostgresServer(data_dir)
    server.attach()
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def test_after_sigkill_the_orphans_are_found_and_replaced(
    data_dir: Path, start_up: StartUp
) -> None:
    _kill_and_resume(data_dir, start_up, times=1)


@pytest.mark.slow
def test_ten_times_killed_is_ten_times_resumed(data_dir: Path, start_up: StartUp) -> None:
    _kill_and_resume(data_dir, start_up, times=10)


def _kill_and_resume(data_dir: Path, start_up: StartUp, *, times: int) -> None:
    up = start_up()
    up.wait_for(_RUNS)
    for round_ in range(times):
        _put_row(data_dir)
        orphans = _pids(data_dir)
        up.end(signal.SIGKILL)
        assert _pids(data_dir) == orphans
        up = start_up()
        up.wait_for(_RUNS)
        assert "left over from an earlier run" in up.printed()
        now = _pids(data_dir)
        assert now.keys() == orphans.keys()
        assert not set(now.values()) & set(orphans.values())
        assert _rows(data_dir) == round_ + 1
    assert up.end(signal.SIGTERM) == 0


def test_a_recycled_process_number_is_not_killed(data_dir: Path, start_up: StartUp) -> None:
    up = start_up("mail")
    up.wait_for(_RUNS)
    up.end(signal.SIGTERM)
    state = {"processes": {"mail": {"pid": os.getpid(), "began": "another boot:1"}}}
    (data_dir / "state.json").write_text(json.dumps(state))
    up = start_up("mail")
    up.wait_for(_RUNS)
    assert "left over" not in up.printed()


def test_a_second_up_says_one_line_and_harms_nothing(data_dir: Path, start_up: StartUp) -> None:
    first = start_up("mail")
    first.wait_for(_RUNS)
    before = _pids(data_dir)
    second = start_up("mail")
    assert second.process.wait(timeout=30) == 2
    line = second.printed().strip()
    assert line == f"oms: {data_dir} is in use by another `oms` (process {first.process.pid})"
    assert _pids(data_dir) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for PostgreSQL")
def test_as_root_no_folder_of_the_person_is_opened(data_dir: Path, start_up: StartUp) -> None:
    parents = [data_dir.parent, *data_dir.parent.parents]
    data_dir.parent.chmod(0o700)
    before = [(stat.S_IMODE(p.stat().st_mode), p.stat().st_uid) for p in parents]
    up = start_up("postgres")
    up.wait_for(_RUNS)
    assert before == [(stat.S_IMODE(p.stat().st_mode), p.stat().st_uid) for p in parents]
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert all(path.stat().st_uid == 0 for path in data_dir.rglob("*"))
    assert not [p for p in data_dir.rglob("*") if stat.S_IMODE(p.stat().st_mode) & 0o077]
    area = Path(json.loads((data_dir / "postgres.cluster.json").read_text())["area"])
    assert stat.S_IMODE(area.stat().st_mode) == 0o700
    assert area.owner() == SYSTEM_USER
    assert Path(f"/proc/{_pids(data_dir)['postgres']}").owner() == SYSTEM_USER


def test_the_whole_stack_comes_up_with_a_key_that_opens_the_api(
    data_dir: Path, start_up: StartUp
) -> None:
    up = start_up("postgres,migrate,temporal,schedules,sandbox,mail,api,worker")
    up.wait_for(_RUNS)
    key = (data_dir / "api-key").read_text().strip()
    assert key in up.printed()
    port = json.loads((data_dir / "ports.json").read_text())["api"]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert client.get("/ready").json() == {"status": "ready"}
        assert client.get("/orders").status_code == 401
        assert client.get("/orders", headers={"Authorization": f"Bearer {key}"}).is_success
    worker = _pids(data_dir)["worker-1"]
    os.kill(worker, signal.SIGKILL)
    up.wait_for("worker-1 runs again")
    assert _pids(data_dir)["worker-1"] != worker
    assert up.end(signal.SIGINT) == 0
    assert not _pids(data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="elsewhere the cluster lies in the data folder")
def test_as_root_the_cluster_of_a_removed_folder_is_named_not_removed(
    data_dir: Path, start_up: StartUp
) -> None:
    up = start_up("postgres")
    up.wait_for(_RUNS)
    assert up.end(signal.SIGTERM) == 0
    area = Path(json.loads((data_dir / "postgres.cluster.json").read_text())["area"])
    shutil.rmtree(data_dir)
    up = start_up("postgres")
    up.wait_for(_RUNS)
    assert f"{area} holds the database of an earlier {data_dir}" in up.printed()
    assert area.is_dir()
    shutil.rmtree(area)
    area.with_name(f"{area.name}.owner.json").unlink()
