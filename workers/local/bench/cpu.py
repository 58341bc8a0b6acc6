"""Reads how much processor time the parts of a stack have used, with all their children."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workers.errors import UserError

_PROC: Final = Path("/proc")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# Of a line of /proc/PID/stat, after the name in brackets: where each number stands.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)  # own user and system time, and that of children that ended

Usage = Mapping[str, float]


def cpu_ms(roots: Mapping[str, int]) -> dict[str, float]:
    """Milliseconds used so far by each part: its process, and all that stem from it.

    Raises: UserError where there is no /proc to read it from.
    """
    if not _PROC.joinpath("self", "stat").exists():
        raise UserError("processor time is read from /proc, which this system does not have")
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        pid = int(entry.parent.name)
        parents[pid] = int(fields[_PARENT])
        used[pid] = sum(map(int, fields[_TIMES]))
    return {
        part: 1000 * sum(used.get(pid, 0) for pid in _family(root, parents)) / _TICKS_PER_S
        for part, root in roots.items()
    }


def machine_busy_ms() -> float:
    """Milliseconds for which processors of this machine have worked, for whomever."""
    numbers = _PROC.joinpath("stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = map(int, numbers)
    return 1000 * (user + nice + system + irq + softirq) / _TICKS_PER_S


def spent(before: Usage, after: Usage) -> dict[str, float]:
    return {part: after[part] - before[part] for part in after}


def _family(root: int, parents: Mapping[int, int]) -> set[int]:
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
