"""Starts child processes, and recognises one again even after their parent is gone."""

import asyncio
import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.errors import UserError
from workers.local.files import open_log

POLL_S = 0.02
# Inherited by every process of a stack; its value names the data folder and the part.
MARK = "OMS_STACK_MARK"
_PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process and the moment it began, so that a recycled number is not mistaken for it."""

    pid: int
    began: str


@dataclass(frozen=True)
class Launch:
    """How to start a process; output goes to a file, for pipes hang when the parent dies."""

    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    folder: Path
    user: str | None = None


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """In a session of its own, so that the terminal's Ctrl-C reaches only the supervisor."""
    with open_log(launch.log) as log:
        try:
            return subprocess.Popen(
                list(launch.argv),
                env=dict(launch.env),
                cwd=launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                user=launch.user,
                group=None if launch.user is None else pwd.getpwnam(launch.user).pw_gid,
                extra_groups=None if launch.user is None else [],
            )
        except OSError as error:
            raise UserError(f"cannot start {launch.argv[0]}: {error}") from error


def identify(pid: int) -> Identity | None:
    """None when no such process runs; one that ended and was not yet collected does not run."""
    began = _began_linux(pid) if sys.platform == "linux" else _began_ps(pid)
    return None if began is None else Identity(pid, began)


def _began_linux(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    # The name in brackets may hold anything; after it come state (1st) and start time (20th).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _began_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"},
    ).stdout.split(maxsplit=1)
    return None if len(answer) < 2 or answer[0].startswith("Z") else answer[1].strip()  # noqa: PLR2004


def command_line(pid: int) -> list[str]:
    """The words a process was started with; empty when it is gone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
            return [word.decode("utf-8", "replace") for word in words]
        return []
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def is_running(who: Identity) -> bool:
    return identify(who.pid) == who


def mark_of(part: str, data_dir: Path) -> str:
    return f"{part}@{data_dir.resolve()}"


def marked(data_dir: Path, part: str | None = None) -> Iterator[tuple[str, Identity]]:
    """Every process that belongs to this folder, with its part.

    This also finds what was started in the instant before its number could be written down. Only
    Linux can look; elsewhere the written numbers have to do.
    """
    begin = f"{MARK}=".encode()
    folder = str(data_dir.resolve())
    for entry in _PROC.glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            for variable in entry.read_bytes().split(b"\0"):
                if not variable.startswith(begin):
                    continue
                name, _, home = os.fsdecode(variable[len(begin) :]).partition("@")
                who = identify(int(entry.parent.name))
                if home == folder and part in {None, name} and who and who.pid != os.getpid():
                    yield name, who


async def wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def stop(who: Identity, steps: Iterable[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn and wait its seconds; True once the process has ended."""
    for sign, patience_s in steps:
        if not is_running(who):
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(who.pid, sign)
        await wait_until(lambda: not is_running(who), patience_s)
    return not is_running(who)


async def stop_child(
    child: subprocess.Popen[bytes], steps: Iterable[tuple[signal.Signals, float]]
) -> None:
    """Like `stop`, for a process that we started ourselves and must collect."""
    for sign, patience_s in steps:
        if child.poll() is not None:
            return
        child.send_signal(sign)
        await wait_until(lambda: child.poll() is not None, patience_s)
