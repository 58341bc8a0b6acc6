"""What a location can do now, by its row."""

from typing import Any

from domain.calendar import Calendar, Work


def work_at(location: Any) -> Work:
    """Of a row that has a location's calendar and the transaction's `now`."""
    calendar = Calendar(
        location.time_zone, location.opening, frozenset(location.holidays), location.cut_off
    )
    return Work(calendar, location.now)
