"""`oms` as a person runs it: a process with an environment of its own."""

import asyncio
import sys
from pathlib import Path

from workers.environ import machine_environment

ROOT = Path(__file__).parents[2]


async def oms(*words: str, given: str = "", **settings: str) -> tuple[int, str, str]:
    """Exit code, output and errors; the settings by their variables' names."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", *words, cwd=ROOT, env=machine_environment() | settings,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
