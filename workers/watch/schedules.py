"""How late each schedule is: since it last began its work, less the time between two beginnings."""

import asyncio
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import Gauge
from temporalio.client import Client, Schedule
from temporalio.service import RPCError, RPCStatusCode

EVERY_S: Final = 30.0
PATIENCE: Final = timedelta(seconds=5)
LATE: Final = Gauge(
    "oms_schedule_late_seconds",
    "How long ago a schedule should have begun its work; +Inf when it is missing.",
    ["schedule"],
)
log = logging.getLogger(__name__)


async def keep_looking(client: Client, wanted: Mapping[str, Schedule]) -> None:
    """Until cancelled."""
    while True:
        for name, schedule in wanted.items():
            LATE.labels(name).set(await late_s(client, name, schedule))
        await asyncio.sleep(EVERY_S)


async def late_s(client: Client, name: str, schedule: Schedule) -> float:
    """NaN when Temporal does not say."""
    every = schedule.spec.intervals[0].every + (schedule.spec.jitter or timedelta())
    try:
        info = (await client.get_schedule_handle(name).describe(rpc_timeout=PATIENCE)).info
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return math.inf
        log.warning("Temporal does not say how late %s is: %s", name, error.status.name)
        return math.nan
    begun = info.recent_actions[-1].started_at if info.recent_actions else info.created_at
    now = datetime.now(UTC)  # noqa: TID251 - here the time enters
    return max(0.0, (now - begun - every).total_seconds())
