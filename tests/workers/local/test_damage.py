"""What a person or a bad disk did to the data folder's files is named in one line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.errors import UserError
from workers.local.blueprint import Plan
from workers.local.datafolder import LONGEST_PATH, DataFolder
from workers.local.files import read_json, write_json
from workers.local.ports import PortBook
from workers.local.postgres import PostgresServer
from workers.local.stack import Stack
from workers.local.temporal import TemporalServer

_READERS: dict[str, Callable[[Path], object]] = {
    "ports.json": lambda folder: PortBook(folder / "ports.json").choose("api"),
    "secrets.json": lambda folder: DataFolder(folder).webhook_secrets(),
    "links.json": lambda folder: DataFolder(folder).link_secret(),
    "state.json": lambda folder: DataFolder(folder).orphans(),
    "api-key": lambda folder: DataFolder(folder).api_key(),
    "postgres.passwords.json": lambda folder: PostgresServer(folder).attach(),
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ports.json", b"{"),
        ("ports.json", b"[]"),
        ("ports.json", b'{"api": "7080"}'),
        ("ports.json", b'{"api": 99999}'),
        ("ports.json", b'{"mail": [1]}'),
        ("secrets.json", b'{"stripe": "whsec_1"}'),
        ("secrets.json", b'{"stripe": 1, "easypost": 2, "shopify": 3}'),
        ("links.json", b'{"order_links": 1}'),
        ("state.json", b'{"processes": {"mail": {"pid": "x"}}}'),
        ("state.json", b'{"processes": []}'),
        ("api-key", b"\xff\xfe"),
        ("api-key", b""),
        ("api-key", b"my own key"),
        ("postgres.passwords.json", b'{"postgres": "a"}'),
        ("postgres.passwords.json", b"\x00\x01"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is damaged"):
        _READERS[name](tmp_path)


async def test_a_stack_that_finds_damage_leaves_nothing_running_and_no_lock(
    data_dir: Path,
) -> None:
    plan = Plan(parts=frozenset({"mail"}))
    async with Stack(data_dir, plan):
        pass
    (data_dir / "ports.json").write_text("{}}")
    with pytest.raises(UserError, match=r"ports\.json is damaged"):
        await Stack(data_dir, plan).start()
    (data_dir / "ports.json").unlink()
    async with Stack(data_dir, plan) as stack:
        assert stack.blueprint.ports["mail"]


def test_a_file_where_the_folder_should_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "oms").touch()
    for path in (tmp_path / "oms", tmp_path / "oms" / "below"):
        with pytest.raises(UserError, match=r"not a folder|Not a directory"), DataFolder(path):
            pass


def test_a_path_that_no_database_could_open_is_one_line(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["x" * 100] * (LONGEST_PATH // 100 + 1))
    with pytest.raises(UserError, match="longer than 480 bytes"), DataFolder(path):
        pass
    assert not list(tmp_path.iterdir())


async def test_a_port_that_is_asked_for_twice_is_one_line(data_dir: Path) -> None:
    plan = Plan(parts=frozenset({"mail"}), asked_ports={"api": 7081, "ui": 7081})
    with pytest.raises(UserError, match="port 7081 was asked for twice"):
        await Stack(data_dir, plan).start()


async def test_whatever_the_folder_is_called_temporal_keeps_its_file_inside(tmp_path: Path) -> None:
    folder = tmp_path / "what? #1 'ä' 100%"
    async with TemporalServer(folder, headless=True) as server:
        assert server.file.exists()
    assert os.listdir(tmp_path) == [folder.name]  # noqa: PTH208 - asked between awaits


async def test_secrets_are_on_no_command_line(data_dir: Path) -> None:
    """Every user of the machine can read those."""
    async with Stack(data_dir, Plan(parts=frozenset({"sandbox", "mail"}))) as stack:
        secrets = stack.folder.webhook_secrets().values()
        lines = [
            (Path("/proc") / pid / "cmdline").read_bytes().decode()
            for pid in os.listdir("/proc")  # noqa: PTH208 - numbers, not paths
            if pid.isdigit() and (Path("/proc") / pid / "cmdline").exists()
        ]
        assert any("sandbox" in line for line in lines)
        assert not [line for line in lines if any(secret in line for secret in secrets)]


def test_data_that_another_user_made_is_left_to_that_user(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DataFolder(data_dir):
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 12_345_678)
    with pytest.raises(UserError, match=r"was made by .*; start it as that user"):
        DataFolder(data_dir).__enter__()


async def test_no_second_database_is_made_beside_one_that_this_user_cannot_run(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was handed on with `chown` would otherwise start with an empty database."""
    (data_dir / "postgres" / "cluster").mkdir(parents=True)
    write_json(data_dir / "postgres.passwords.json", {"postgres": "a", "oms": "b"})
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UserError, match="was not made by root"):
        await PostgresServer(data_dir).start()
    (data_dir / "postgres" / "cluster").rmdir()
    (data_dir / "postgres.cluster.json").write_text('{"area": "/var/lib/cauce/none"}')
    monkeypatch.setattr(os, "geteuid", lambda: 12_345_678)
    with pytest.raises(UserError, match="was made by root"):
        await PostgresServer(data_dir).start()
    assert read_json(data_dir / "postgres.passwords.json") == {"postgres": "a", "oms": "b"}
