"""Writes a command of ours as a person can paste it into the shell they are in."""

import shlex
import shutil
import sys
from pathlib import Path


def spell(*words: str | Path) -> str:
    """`oms` when the shell finds it by itself, else the path it was called by."""
    called = Path(sys.argv[0])
    is_ours = called.name == "oms" and shutil.which("oms") is None
    return shlex.join([str(called) if is_ours else "oms", *map(str, words)])
