"""When a location works: its weekdays and holidays, and until when an order is today's work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A location that is closed for longer says nothing by its calendar.
LONGEST_CLOSED_DAYS: Final = 366
MIDNIGHT: Final = "24:00"  # a day's end


@dataclass(frozen=True)
class Calendar:
    """`opening` has spans like `09:00-17:00` by weekday, in `time_zone`; None is always open.

    What comes later than `cut_off` (`14:00`), or after the day's last hour, is the next working
    day's.
    """

    time_zone: str = "UTC"
    opening: Mapping[str, Sequence[str]] | None = None
    holidays: frozenset[date] = frozenset()
    cut_off: str | None = None

    @property
    def is_always_open(self) -> bool:
        return self.opening is None and not self.holidays

    def wait_days(self, now: datetime) -> int:
        """After how many days the work on what comes now begins; 0 is today."""
        local = now.astimezone(_zone(self.time_zone))
        is_too_late = time(local.hour, local.minute) >= self._last_moment(local.date())
        return self._days_until_work(local.date(), 1 if is_too_late else 0)

    def within_s(self, since: datetime, seconds: float) -> float:
        """How long work may take that should be done within so many seconds of working days."""
        if self.is_always_open:
            return seconds
        return (self._due(since, timedelta(seconds=seconds)) - since).total_seconds()

    def _due(self, since: datetime, within: timedelta) -> datetime:
        local = since.astimezone(_zone(self.time_zone))
        local += timedelta(days=self._days_until_work(local.date(), 0))
        while within > timedelta(0):
            step = min(within, timedelta(days=1))
            local, within = local + step, within - step
            local += timedelta(days=self._days_until_work(local.date(), 0))
        return local

    def _days_until_work(self, day: date, at_least: int) -> int:
        for days in range(at_least, LONGEST_CLOSED_DAYS):
            if self._works_on(day + timedelta(days=days)):
                return days
        return at_least

    def _works_on(self, day: date) -> bool:
        if day in self.holidays:
            return False
        return self.opening is None or bool(self.opening.get(WEEKDAYS[day.weekday()]))

    def _last_moment(self, day: date) -> time:
        spans = (self.opening or {}).get(WEEKDAYS[day.weekday()]) or ()
        ends = [span.rpartition("-")[2] for span in spans[-1:]]
        texts = [text for text in (*ends, self.cut_off) if text and text != MIDNIGHT]
        return min(map(time.fromisoformat, texts), default=time.max)


@dataclass(frozen=True)
class Work:
    """What a location can do of what comes at this moment."""

    calendar: Calendar
    since: datetime

    @property
    def wait_days(self) -> int:
        return self.calendar.wait_days(self.since)

    def within_s(self, seconds: float) -> float:
        return self.calendar.within_s(self.since, seconds)


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
