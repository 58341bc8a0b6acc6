"""Saves the data of a stack in one file, running or stopped, and makes a new folder out of it.

What knows less is copied first: Temporal, then the database, then the vendors' world. A run then
repeats at most steps that the database already has, and each step first returns its own record.
"""

import asyncio
import contextlib
import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from workers.errors import UserError
from workers.local import wheels
from workers.local.datafolder import (
    LINKS_FILE,
    DataFolder,
    refuse_other_versions,
    versions,
)
from workers.local.files import (
    PRIVATE_FILE,
    disk_refusals,
    make_private_folder,
    read_json,
    write_json,
)
from workers.local.orphans import stop_orphans
from workers.local.postgres import PostgresServer
from workers.local.processes import Identity

_MANIFEST = "manifest.json"
_DUMP = "postgres.dump"
_TEMPORAL = "temporal.sqlite"
# Ports, passwords of the cluster, logs and locks belong to one folder alone and are left out.
_PLAIN_FILES = ("secrets.json", LINKS_FILE, "api-key")
_FAST_COMPRESSION = 3
_BLOCK_BYTES = 1 << 20


async def save(data_dir: Path, file: Path) -> None:
    """Raises: UserError when there is nothing to save or the file cannot be written."""
    folder = DataFolder(data_dir)
    if not folder.has_data():
        raise UserError(f"{data_dir} holds no data of a stack")
    _refuse_no_file(file)
    with disk_refusals(file), tempfile.TemporaryDirectory(dir=file.parent) as name:
        draft = Path(name)
        write_json(draft / _MANIFEST, dict(versions()))
        async with _open_database(folder) as postgres:
            await asyncio.to_thread(_copy_sqlite, folder.path, [folder.path / _TEMPORAL], draft)
            arguments = ["--format=custom", f"--file={draft / _DUMP}"]
            await asyncio.to_thread(_run_tool, "pg_dump", arguments, postgres)
            await asyncio.to_thread(_copy_world, folder, draft)
        await asyncio.to_thread(_pack, draft, file)


def _refuse_no_file(file: Path) -> None:
    if file.is_dir() or not file.parent.is_dir():
        raise UserError(f"cannot write {file}: it is a folder, or its folder is missing")


async def load(file: Path, data_dir: Path) -> None:
    """Raises: UserError when the folder holds anything or the file is no backup of ours."""
    path = DataFolder(data_dir).path
    if _holds_anything(path):
        raise UserError(f"{data_dir} is not empty; restore into a new folder")
    with tempfile.TemporaryDirectory() as name:
        draft = Path(name)
        await asyncio.to_thread(_unpack, file, draft)
        refuse_other_versions(_read_manifest(draft, file), f"{file} was made")
        with disk_refusals(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Half a folder must not be started by mistake.
            passing = Path(tempfile.mkdtemp(dir=path.parent, prefix=f"{path.name}.restoring-"))
        postgres = PostgresServer(passing)
        try:
            await _fill(passing, draft, postgres)
            await asyncio.to_thread(_rename, passing, path)
        except BaseException:
            postgres.forget()
            shutil.rmtree(passing, ignore_errors=True)
            raise


async def _fill(path: Path, draft: Path, postgres: PostgresServer) -> None:
    with DataFolder(path):
        await postgres.start()
        try:
            arguments = ["--no-owner", "--exit-on-error", "--single-transaction", "--dbname=oms"]
            await asyncio.to_thread(
                _run_tool, "pg_restore", [*arguments, f"{draft / _DUMP}"], postgres
            )
        finally:
            await postgres.stop()
        await asyncio.to_thread(_move_rest, draft, path)


def _holds_anything(path: Path) -> bool:
    with disk_refusals(path):
        return path.exists() and any(path.iterdir())


def _rename(passing: Path, path: Path) -> None:
    with disk_refusals(path):
        passing.replace(path)


def _move_rest(draft: Path, path: Path) -> None:
    for entry in draft.iterdir():
        if entry.name not in {_MANIFEST, _DUMP}:
            shutil.move(entry, path / entry.name)


@contextlib.asynccontextmanager
async def _open_database(folder: DataFolder) -> AsyncIterator[PostgresServer]:
    """The running stack's own, or one that runs only for the copy, with the folder locked."""
    postgres = PostgresServer(folder.path)
    if not postgres.was_made():
        raise UserError(f"the database of {folder.path} is elsewhere; save it there")
    if folder.is_running():
        postgres.attach()
        yield postgres
        return
    with folder:
        await stop_orphans(folder, lambda _line: None)
        async with postgres:
            yield postgres


def _run_tool(tool: str, arguments: Sequence[str], postgres: PostgresServer) -> None:
    """One of PostgreSQL's own programs; they may run as root."""
    command = [str(wheels.postgres_programs() / tool), *arguments]
    done = subprocess.run(
        command, env=postgres.client_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UserError(f"{tool} failed: {' | '.join(done.stderr.strip().splitlines()[-2:])}")


def _copy_world(folder: DataFolder, draft: Path) -> None:
    """The sandbox's own database, the caught e-mails, the secrets."""
    _copy_sandbox(folder, draft)
    for name in _PLAIN_FILES:
        if (folder.path / name).exists():
            shutil.copy2(folder.path / name, draft / name)
    if folder.mail_dir.exists():
        ignored = shutil.ignore_patterns(".*")
        shutil.copytree(folder.mail_dir, draft / folder.mail_dir.name, ignore=ignored)


def _copy_sandbox(folder: DataFolder, draft: Path) -> None:
    """The sandbox lets nobody else read its file, so it stands still while the file is copied.

    The copy is what a crash at that moment would leave, which SQLite repairs on opening.
    """
    with tempfile.TemporaryDirectory(dir=draft, prefix=".") as name:
        scratch = Path(name)
        with _standing_still(folder.running("sandbox")):
            # The shared-memory index is rebuilt from the log.
            ignored = shutil.ignore_patterns("*-shm")
            if folder.sandbox_dir.exists():
                target = scratch / folder.sandbox_dir.name
                shutil.copytree(folder.sandbox_dir, target, ignore=ignored)
        _copy_sqlite(scratch, list(scratch.glob("*/*.sqlite3")), draft)


@contextlib.contextmanager
def _standing_still(who: Identity | None) -> Iterator[None]:
    if who is None:
        yield
        return
    os.kill(who.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(who.pid, signal.SIGCONT)


def _copy_sqlite(base: Path, files: Iterable[Path], draft: Path) -> None:
    """A consistent copy while others write."""
    for file in files:
        if not file.exists():
            continue
        target = draft / file.relative_to(base)
        target.parent.mkdir(exist_ok=True)
        with (
            contextlib.closing(sqlite3.connect(file)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)


def _pack(draft: Path, file: Path) -> None:
    """Private from its first byte, for it holds keys and customers; whole or not there."""
    packed = draft / ".packed"
    packed.touch(mode=PRIVATE_FILE)
    with tarfile.open(packed, "w:gz", compresslevel=_FAST_COMPRESSION) as archive:
        for entry in sorted(draft.iterdir()):
            if entry != packed:
                archive.add(entry, arcname=entry.name)
    packed.replace(file)


def _unpack(file: Path, draft: Path) -> None:
    """Plain files alone, and none outside the folder. Raises: UserError."""
    with disk_refusals(file), gzip.open(file) as packed:
        try:
            with tarfile.open(fileobj=packed, mode="r:") as archive:
                for member in archive:
                    _unpack_member(archive, member, draft)
            # The checksum of all comes last, and is looked at only by whoever reads to the end.
            while packed.read(_BLOCK_BYTES):
                pass
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError):
            raise UserError(f"{file} is not a backup of ours, or damaged") from None
    if not (draft / _MANIFEST).exists() or not (draft / _DUMP).exists():
        raise UserError(f"{file} is not a backup of ours")


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, draft: Path) -> None:
    name = PurePosixPath(member.name)
    content = archive.extractfile(member) if member.isfile() else None
    if content is None or name.is_absolute() or ".." in name.parts:
        return
    target = draft / name
    make_private_folder(target.parent)
    with content, target.open("wb") as copy:
        shutil.copyfileobj(content, copy)
    target.chmod(PRIVATE_FILE)


def _read_manifest(draft: Path, file: Path) -> dict[str, Any]:
    try:
        return read_json(draft / _MANIFEST)
    except UserError:
        raise UserError(f"{file} is not a backup of ours, or damaged") from None
