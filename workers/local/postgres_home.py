"""Decides where PostgreSQL's programs and cluster live, and under which system user they run.

PostgreSQL refuses to run as root. A user made for it must reach programs and cluster, but no
folder of the person's may be opened for that. So under root both live in /var/lib/cauce: a copy of
the programs, owned by root, and one folder per cluster that only the made user may enter. The data
folder then holds the file `postgres/cluster`, which says where its cluster is.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from workers.errors import UserError
from workers.local import wheels
from workers.local.files import (
    PRIVATE_FOLDER,
    disk_refusals,
    make_private_folder,
    read_json,
    write_json,
)
from workers.local.processes import Identity, is_running

SYSTEM_FOLDER = Path("/var/lib/cauce")
SYSTEM_USER = "cauce-postgres"
_NO_HOME = "/nonexistent"
_NO_SHELL = "/usr/sbin/nologin"
_WORLD_READABLE = 0o755


@dataclass(frozen=True)
class PostgresHome:
    programs: Path
    cluster: Path
    user: str | None

    @property
    def area(self) -> Path:
        """The private folder that holds the cluster."""
        return self.cluster.parent


def find_home(data_dir: Path, until: Identity | None = None) -> PostgresHome:
    """Where the folder's cluster is or will be; makes user, copy and folders where missing.

    With `until` nobody needs the cluster after that process.
    Raises: UserError when there is one that this user cannot run: a second, empty one beside it
    would be taken for it.
    """
    area = data_dir / "postgres"
    if os.geteuid() != 0:
        if _pointer(data_dir).exists():
            raise UserError(f"the database of {data_dir} was made by root; start it as root")
        make_private_folder(area)
        return PostgresHome(wheels.postgres_programs(), area / "cluster", None)
    if (area / "cluster").exists():
        raise UserError(
            f"the database in {area} was not made by root, and PostgreSQL does not run as root;"
            " start it as the user who made it"
        )
    _make_system_user()
    make_private_folder(data_dir)
    return PostgresHome(_copied_programs(), _system_area(data_dir, until) / "cluster", SYSTEM_USER)


def find_abandoned() -> list[PostgresHome]:
    """The system folder's clusters whose process has ended without removing them."""
    found = []
    for owner in SYSTEM_FOLDER.glob("*.owner.json") if os.geteuid() == 0 else ():
        until = read_json(owner).get("until")
        if until is not None and not is_running(Identity(until["pid"], until["began"])):
            area = owner.with_name(owner.name.removesuffix(".owner.json"))
            found.append(PostgresHome(wheels.postgres_programs(), area / "cluster", SYSTEM_USER))
    return found


def find_earlier(data_dir: Path, home: PostgresHome) -> list[Path]:
    """Clusters made for a folder at this path that was removed or moved away.

    They are never removed unasked: a folder that was moved still needs its cluster.
    """
    if home.user is None:
        return []
    owners = [path for path in SYSTEM_FOLDER.glob("*.owner.json") if path != _owner(home.area)]
    ours = str(data_dir.resolve())
    return [
        path.with_name(path.name.removesuffix(".owner.json"))
        for path in owners
        if read_json(path).get("data_dir") == ours
    ]


def forget_home(home: PostgresHome) -> None:
    """Remove a stopped cluster for good."""
    shutil.rmtree(home.area, ignore_errors=True)
    _owner(home.area).unlink(missing_ok=True)


def _pointer(data_dir: Path) -> Path:
    return data_dir / "postgres.cluster.json"


def _make_system_user() -> None:
    try:
        found = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _run_first_available(
            ["useradd", "--system", "--user-group", "-d", _NO_HOME, "-s", _NO_SHELL, SYSTEM_USER],
            ["adduser", "-S", "-D", "-H", "-h", _NO_HOME, "-s", _NO_SHELL, SYSTEM_USER],
        )
        return
    if found.pw_uid == 0:
        raise UserError(f"the system user {SYSTEM_USER} must not be root")


def _run_first_available(*commands: list[str]) -> None:
    """Raises: UserError when none could make the user, nor anybody else meanwhile."""
    reason = "neither useradd nor adduser is installed"
    for command in commands:
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        reason = done.stderr.strip()
    with contextlib.suppress(KeyError):
        pwd.getpwnam(SYSTEM_USER)
        return
    raise UserError(f"cannot make the system user {SYSTEM_USER} for PostgreSQL: {reason}")


def _copied_programs() -> Path:
    """A copy that the made user can run, wherever the wheel itself is installed."""
    version = wheels.version_of(wheels.POSTGRES_WHEEL)
    base = SYSTEM_FOLDER / f"{wheels.POSTGRES_WHEEL}-{version}"
    programs = base / wheels.POSTGRES_PACKAGE / "pginstall" / "bin"
    if programs.exists():
        return programs
    source = wheels.postgres_programs().parent
    with disk_refusals(SYSTEM_FOLDER):
        SYSTEM_FOLDER.mkdir(mode=_WORLD_READABLE, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=SYSTEM_FOLDER, prefix=".programs-"))
        for part in ("bin", "lib", "share"):
            shutil.copytree(
                source / part, draft / wheels.POSTGRES_PACKAGE / "pginstall" / part, symlinks=True
            )
        libraries = source.parent.parent / f"{wheels.POSTGRES_PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for folder, _, files in os.walk(draft):
            Path(folder).chmod(_WORLD_READABLE)
            for name in files:
                (Path(folder) / name).chmod(_WORLD_READABLE)
        try:
            draft.rename(base)
        except OSError:
            # Somebody else finished the same copy first.
            shutil.rmtree(draft)
            if not programs.exists():
                raise
    return programs


def _system_area(data_dir: Path, until: Identity | None) -> Path:
    known = read_json(_pointer(data_dir)).get("area")
    if known is None or (until is not None and not Path(known).is_dir()):
        area = SYSTEM_FOLDER / secrets.token_hex(8)
        with disk_refusals(area):
            area.mkdir(mode=PRIVATE_FOLDER)
            account = pwd.getpwnam(SYSTEM_USER)
            os.chown(area, account.pw_uid, account.pw_gid)
        _own(area, data_dir, until)
        write_json(_pointer(data_dir), {"area": str(area)})
        return area
    area = Path(str(known))
    if not area.is_dir():
        raise UserError(f"{area}, the PostgreSQL cluster of {data_dir}, is gone")
    owner = Path(read_json(_owner(area)).get("data_dir", data_dir))
    if owner != data_dir.resolve() and read_json(_pointer(owner)).get("area") == known:
        raise UserError(
            f"{data_dir} is a copy of {owner} and shares its database;"
            " use `oms backup` and `oms restore` to copy a stack"
        )
    _own(area, data_dir, until)
    return area


def _owner(area: Path) -> Path:
    return area.with_name(f"{area.name}.owner.json")


def _own(area: Path, data_dir: Path, until: Identity | None) -> None:
    owner: dict[str, object] = {"data_dir": str(data_dir.resolve())}
    if until is not None:
        owner["until"] = {"pid": until.pid, "began": until.began}
    write_json(_owner(area), owner)
