"""What was saved is there again, from a running stack and from a stopped one."""

import random
import shutil
import sqlite3
import stat
import tarfile
from pathlib import Path

import httpx
import psycopg
import pytest
from temporalio.client import Client

from workers.errors import UserError
from workers.local import backup, processes
from workers.local.blueprint import Plan
from workers.local.datafolder import DataFolder
from workers.local.mailbox import Mailbox
from workers.local.stack import Stack

KEY = f"oms_{'0' * 12}_{'1' * 64}"


async def _put_data(stack: Stack) -> None:
    with psycopg.connect(stack.database_url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    client = await Client.connect(stack.temporal_address)
    await client.start_workflow("Nothing", id="order-shop-1", task_queue="none")
    Mailbox(stack.folder.mail_dir).keep(b"Subject: Hello\r\n\r\nHello", ["ada@example.com"])
    stack.folder.keep_api_key(KEY)
    async with _stripe(stack) as vendor:
        form = {"amount": "1000", "currency": "usd"}
        (await vendor.post("/payment_intents", data=form)).raise_for_status()


def _stripe(stack: Stack) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{stack.sandbox_url}/stripe/v1",
        headers={"Authorization": "Bearer sk_sandbox", "Stripe-Version": "2023-08-16"},
        trust_env=False,
    )


async def _check_data(stack: Stack) -> None:
    with psycopg.connect(stack.database_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    client = await Client.connect(stack.temporal_address)
    described = await client.get_workflow_handle("order-shop-1").describe()
    assert described.workflow_type == "Nothing"
    assert [caught.subject for caught in Mailbox(stack.folder.mail_dir).list()] == ["Hello"]
    assert stack.folder.api_key() == KEY
    async with _stripe(stack) as vendor:
        intents = (await vendor.get("/payment_intents")).json()["data"]
    assert [intent["amount"] for intent in intents] == [1000]


@pytest.mark.parametrize("running", [True, False])
async def test_a_backup_brings_everything_back(
    data_dir: Path, services: Plan, *, running: bool
) -> None:
    file, copy = data_dir.with_name("saved.tgz"), data_dir.with_name("copy")
    async with Stack(data_dir, services) as stack:
        await _put_data(stack)
        secrets = stack.folder.webhook_secrets(), stack.folder.link_secret()
        if running:
            await backup.save(data_dir, file)
    if not running:
        await backup.save(data_dir, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in data_dir.parent.glob("tmp*")] == []

    await backup.load(file, copy)
    async with Stack(copy, services) as stack:
        await _check_data(stack)
        assert (stack.folder.webhook_secrets(), stack.folder.link_secret()) == secrets
    with sqlite3.connect(stack.folder.sandbox_dir / "sandbox.sqlite3") as sandbox:
        assert sandbox.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list(processes.marked(copy))


async def test_a_restore_into_a_folder_with_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(UserError, match="is not empty"):
        await backup.load(tmp_path / "saved.tgz", tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00cut"])
async def test_what_is_no_backup_is_refused_and_leaves_no_folder(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "saved.tgz"
    file.write_bytes(content)
    with pytest.raises(UserError, match="is not a backup of ours"):
        await backup.load(file, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_cut_backup_is_refused_and_leaves_no_folder(data_dir: Path) -> None:
    file, copy = data_dir.with_name("saved.tgz"), data_dir.with_name("copy")
    async with Stack(data_dir, Plan(parts=frozenset({"postgres"}))):
        await backup.save(data_dir, file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(UserError):
        await backup.load(file, copy)
    assert {entry.name for entry in data_dir.parent.iterdir()} == {"oms", "saved.tgz"}


def _packed(folder: Path, manifest: str, dump: bytes = b"") -> Path:
    draft, file = folder / "draft", folder / "saved.tgz"
    draft.mkdir()
    (draft / "manifest.json").write_text(manifest)
    (draft / "postgres.dump").write_bytes(dump)
    with tarfile.open(file, "w:gz") as archive:
        archive.add(draft / "manifest.json", "manifest.json")
        archive.add(draft / "postgres.dump", "postgres.dump")
    return file


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7, 0.9])
async def test_one_wrong_byte_of_a_backup_is_found(tmp_path: Path, place: float) -> None:
    """Wherever it lies: a database that is subtly another must not be started."""
    file = _packed(tmp_path, '{"format": 1}', random.Random(1).randbytes(50_000))
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="or damaged"):
        await backup.load(file, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_manifest_that_is_none_is_told_of_the_backup(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"saved\.tgz is not a backup of ours"):
        await backup.load(_packed(tmp_path, "[]"), tmp_path / "copy")


async def test_what_cannot_be_written_is_said_before_anything_is_saved(data_dir: Path) -> None:
    with DataFolder(data_dir):
        pass
    for file in (data_dir.parent, data_dir.parent / "absent" / "saved.tgz"):
        with pytest.raises(UserError, match=f"cannot write {file}"):
            await backup.save(data_dir, file)


async def test_a_backup_of_another_version_is_refused(data_dir: Path, tmp_path: Path) -> None:
    _packed(tmp_path, '{"format": 99}')
    with pytest.raises(UserError, match="with format 99"):
        await backup.load(tmp_path / "saved.tgz", data_dir)
    with pytest.raises(UserError, match="holds no data of a stack"):
        await backup.save(data_dir, tmp_path / "other.tgz")


async def test_nothing_to_save_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no data of a stack"):
        await backup.save(tmp_path, tmp_path / "saved.tgz")


async def test_a_copied_folder_does_not_share_the_cluster(data_dir: Path) -> None:
    """Only under root do folder and cluster live apart; elsewhere a stopped copy is whole."""
    plan = Plan(parts=frozenset({"postgres"}))
    async with Stack(data_dir, plan):
        pass
    copy = data_dir.with_name("copy")
    shutil.copytree(data_dir, copy)
    if not (copy / "postgres.cluster.json").exists():
        pytest.skip("not root")
    with pytest.raises(UserError, match="is a copy of"):
        await Stack(copy, plan).start()
    moved = data_dir.with_name("moved")
    shutil.rmtree(copy)
    shutil.move(data_dir, moved)
    async with Stack(moved, plan) as stack:
        assert DataFolder(moved).is_running()
        assert stack.data_dir == moved
