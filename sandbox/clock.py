"""Compresses vendor time by one factor: the only place that knows days may last seconds."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S


@dataclass(frozen=True)
class Clock:
    """Real timestamps, divided durations: `factor` vendor seconds pass in one real second."""

    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.factor <= 0:
            raise ValueError("the time factor must be above zero")

    def now(self) -> float:
        return time.time()

    def real_s(self, vendor_s: float) -> float:
        return vendor_s / self.factor

    def iso(self, at: float, *, offset: bool = False, millis: bool = False) -> str:
        """`2026-11-22T10:00:00Z`; with an offset `+00:00`, with milliseconds `.000Z`."""
        moment = datetime.fromtimestamp(at, UTC)
        if offset:
            return moment.isoformat(timespec="seconds")
        spec = "milliseconds" if millis else "seconds"
        return moment.isoformat(timespec=spec).replace("+00:00", "Z")
