"""Whatever asks a command to end, it stops what it started before it does."""

import signal
import subprocess
import sys

import pytest

from workers.event_loop import TERMINATED

COMMAND = """
import asyncio
from workers.event_loop import run_until_told

async def main():
    try:
        print("begun", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("stopped what it started", flush=True)

run_until_told(main())
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_end_stops_what_it_started(sign: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE) as told:
        assert told.stdout is not None
        assert told.stdout.readline() == b"begun\n"
        told.send_signal(sign)
        assert told.stdout.read() == b"stopped what it started\n"
        assert told.wait() == TERMINATED
