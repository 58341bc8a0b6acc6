"""Ends what an earlier supervisor, killed before it could, left running."""

import signal
from collections.abc import Callable

from workers.errors import UserError
from workers.local import postgres, processes
from workers.local.datafolder import DataFolder

# Everything they do is safe to break off, so they get less patience than our own.
_STEPS = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))


async def stop_orphans(folder: DataFolder, report: Callable[[str], None]) -> None:
    """Only while the folder's lock is ours. Raises: UserError naming what does not stop."""
    for part, who in folder.orphans():
        report(f"stopping {part} (process {who.pid}), left over from an earlier run")
        steps = postgres.STOP_STEPS if part == postgres.PostgresServer.name else _STEPS
        if not await processes.stop(who, steps):
            raise UserError(f"{part} of an earlier run (process {who.pid}) does not stop")
