"""Launches PostgreSQL from the wheel's programs and proves by a query that it answers."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from workers.errors import UserError
from workers.local import processes
from workers.local.files import log_size, log_tail, read_texts, write_json
from workers.local.ports import LOOPBACK, PortBook, read_ports
from workers.local.postgres_home import PostgresHome, find_abandoned, find_home, forget_home

SUPERUSER = "postgres"
ROLE = "oms"
DATABASE = "oms"
START_TIMEOUT_S = 60.0
# Fast shutdown; when that hangs, immediate shutdown, after which the log is replayed.
STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
_RETRY_S = 0.1
# What PostgreSQL says while the processes of a killed predecessor are still going away.
_LEFTOVERS = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # A refused row would be written down whole, with the customer in it.
    "log_error_verbosity": "terse",
}
# For test databases that nobody misses after a crash.
_FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_DURABLE_SETTINGS = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class PostgresServer:
    """One cluster of one data folder, reachable on 127.0.0.1 with a password alone.

    Not durable means: no fsync. As a context, a scratch cluster is removed at its end; one that is
    not durable is scratch.
    """

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        scratch: bool = False,
        more_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self._more_settings = more_settings or {}
        self.durable = durable
        self.scratch = scratch or not durable
        self.child: subprocess.Popen[bytes] | None = None
        self.port = port or 0
        self.log = data_dir / "logs" / "postgres.log"
        self._home: PostgresHome | None = None
        self._passwords: dict[str, str] = {}

    @property
    def home(self) -> PostgresHome:
        if self._home is None:
            until = processes.identify(os.getpid()) if self.scratch else None
            self._home = find_home(self.data_dir, until)
        return self._home

    @property
    def url(self) -> str:
        """For SQLAlchemy, with the password."""
        return self.url_for(DATABASE)

    @property
    def dsn(self) -> str:
        """For psycopg and PostgreSQL's own programs, with the password."""
        return self._access(ROLE, DATABASE)

    @property
    def superuser_dsn(self) -> str:
        """Of our database; for what a plain role may not do or see."""
        return self._access(SUPERUSER, DATABASE)

    def url_for(self, database: str) -> str:
        return self._access(ROLE, database).replace("postgresql", "postgresql+psycopg", 1)

    async def start(self) -> None:
        """Raises: UserError when the server cannot be brought to answer."""
        await self.stop_leftover()
        await asyncio.to_thread(self._initialise)
        if self.port == 0:
            self.port = PortBook(self.data_dir / "ports.json").choose(self.name)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._try_start(deadline):  # noqa: ASYNC110 - each round is a start
            await asyncio.sleep(_RETRY_S)
        await self._make_database()

    async def stop(self) -> None:
        if self.child is not None:
            await processes.stop_child(self.child, STOP_STEPS)
            self.child = None

    def forget(self) -> None:
        """Remove the stopped cluster for good, if it was ever touched."""
        if self._home is not None:
            forget_home(self._home)
            self._home = None

    def was_made(self) -> bool:
        """Whether this folder ever held a cluster of its own."""
        return self._password_file.exists()

    def attach(self) -> None:
        """Know a server that somebody else runs. Raises: UserError when none was ever started."""
        self._passwords = self._read_passwords()
        self.port = read_ports(self.data_dir / "ports.json").get(self.name, 0)
        if not self._passwords or self.port == 0:
            raise UserError(f"{self.data_dir} holds no PostgreSQL of ours")

    def client_environment(self) -> dict[str, str]:
        """For PostgreSQL's own programs; on their command line everybody could read it."""
        return {
            "PGHOST": LOOPBACK,
            "PGPORT": str(self.port),
            "PGUSER": ROLE,
            "PGPASSWORD": self._passwords[ROLE],
            "PGDATABASE": DATABASE,
            "PATH": os.defpath,
        }

    async def stop_leftover(self) -> None:
        """End a server that outlived whoever started it, and clear a lock that nobody holds."""
        self._passwords = self._read_passwords()
        await _end_leftover(self.home.cluster)

    async def create_database(self, name: str, *, template: str | None = None) -> str:
        """A further database owned by the same role; returns its URL."""
        from workers.local import postgres_queries  # noqa: PLC0415 - see there

        await postgres_queries.create_database(self._access(ROLE, DATABASE), name, template)
        return self.url_for(name)

    async def drop_database(self, name: str) -> None:
        from workers.local import postgres_queries  # noqa: PLC0415 - see there

        await postgres_queries.drop_database(self._access(ROLE, DATABASE), name)

    async def __aenter__(self) -> Self:
        try:
            await _remove_abandoned()
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        if self.scratch:
            self.forget()

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "postgres.passwords.json"

    def _read_passwords(self) -> dict[str, str]:
        return read_texts(self._password_file, (SUPERUSER, ROLE))

    def _initialise(self) -> None:
        """Make the cluster under a passing name, so that half a cluster is never taken for one."""
        cluster = self.home.cluster
        if cluster.exists():
            if not self._passwords:
                raise UserError(f"{self._password_file} is gone; the database cannot be opened")
            return
        passwords = {SUPERUSER: secrets.token_hex(24), ROLE: secrets.token_hex(24)}
        draft = cluster.with_name(f"draft-{secrets.token_hex(4)}")
        password_file = draft.with_suffix(".password")
        password_file.touch(mode=0o600)
        password_file.write_text(passwords[SUPERUSER], encoding="utf-8")
        if self.home.user is not None:
            shutil.chown(password_file, self.home.user)
        try:
            self._initdb(draft, password_file)
        finally:
            password_file.unlink()
        write_json(self._password_file, passwords)
        draft.rename(cluster)
        self._passwords = passwords

    def _initdb(self, cluster: Path, password_file: Path) -> None:
        command = [
            str(self.home.programs / "initdb"),
            f"--pgdata={cluster}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *([] if self.durable else ["--no-sync"]),
        ]
        launch = self._launch(command)
        done = processes.spawn(launch).wait(timeout=START_TIMEOUT_S)
        if done != 0:
            raise UserError(f"initdb failed: {log_tail(self.log)} (see {self.log})")

    def _launch(self, command: Sequence[str]) -> processes.Launch:
        mark = processes.mark_of(self.name, self.data_dir)
        env = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath, processes.MARK: mark}
        return processes.Launch(command, env, self.log, self.home.area, self.home.user)

    async def _try_start(self, deadline: float) -> bool:
        """False when leftovers of a killed server still stand in the way."""
        chosen: dict[str, str] = _SETTINGS | (_DURABLE_SETTINGS if self.durable else _FAST_SETTINGS)
        chosen |= self._more_settings
        chosen["port"] = str(self.port)
        options = [word for item in chosen.items() for word in ("-c", "=".join(item))]
        command = [str(self.home.programs / "postgres"), "-D", str(self.home.cluster), *options]
        said = log_size(self.log)
        self.child = processes.spawn(self._launch(command))
        while not await self._answers():
            if self.child.poll() is not None:
                reason = log_tail(self.log, since=said)
                if any(word in reason for word in _LEFTOVERS) and time.monotonic() < deadline:
                    return False
                raise UserError(f"PostgreSQL did not start: {reason} (see {self.log})")
            if time.monotonic() > deadline:
                raise UserError(f"PostgreSQL does not answer (see {self.log})")
            await asyncio.sleep(processes.POLL_S)
        return True

    async def _answers(self) -> bool:
        from workers.local import postgres_queries  # noqa: PLC0415 - see there

        return await postgres_queries.answers(self._access(SUPERUSER, SUPERUSER))

    async def _make_database(self) -> None:
        from workers.local import postgres_queries  # noqa: PLC0415 - see there

        access = self._access(SUPERUSER, SUPERUSER)
        await postgres_queries.ensure_database(access, ROLE, self._passwords[ROLE], DATABASE)

    def _access(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{database}"


async def _end_leftover(cluster: Path) -> None:
    lock = cluster / "postmaster.pid"
    if not lock.exists():
        return
    first = lock.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    pid = int(first) if first.isascii() and first.isdigit() else 0
    who = processes.identify(pid)
    if who is None:
        # PostgreSQL itself clears the lock, after proving that no memory is still shared.
        return
    if not _serves(pid, cluster):
        # The number belongs to a stranger now; PostgreSQL would take it for its twin.
        lock.unlink()
    elif not await processes.stop(who, STOP_STEPS):
        raise UserError(f"an earlier PostgreSQL (process {pid}) does not stop")


async def _remove_abandoned() -> None:
    """Test clusters whose test run was killed."""
    for home in find_abandoned():
        await _end_leftover(home.cluster)
        forget_home(home)


def _serves(pid: int, cluster: Path) -> bool:
    """Whether that process is a PostgreSQL of this very cluster."""
    return str(cluster) in processes.command_line(pid)
