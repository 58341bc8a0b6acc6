"""Every duration of an order's life, in one value that settings choose and workflows carry."""

from dataclasses import dataclass, fields, replace
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# However compressed the calendar is, machines and people are not: no wait shrinks below this.
SHORTEST_S: Final = 0.5
SHORTEST_FOR_PEOPLE_S: Final = 60.0
SHORTEST_FOR_VENDORS_S: Final = 10.0
# Waits that end in a person's task: compressed less, so that load alone never calls somebody.
_FOR_PEOPLE: Final = frozenset(
    {
        "pick_s",
        "pack_s",
        "exception_s",
        "vendor_patience_s",
        "reservation_s",
        "return_review_s",
        "inspection_s",
    }
)
_SHORTEST: Final = dict.fromkeys(_FOR_PEOPLE, SHORTEST_FOR_PEOPLE_S) | {
    "vendor_attempt_s": SHORTEST_FOR_VENDORS_S
}


@dataclass(frozen=True)
class Timings:
    """All in seconds; `slip_days` is what the customer reads on the slip and is never divided."""

    slip_days: int = 3
    reservation_s: float = 8 * HOUR  # longer than the patience with vendors before it
    slip_expiry_s: float = 3 * DAY
    slip_grace_s: float = 12 * HOUR  # bank settlement arrives after the slip's last moment
    vendor_patience_s: float = 6 * HOUR  # retries of one vendor step before a person is asked
    vendor_attempt_s: float = 45.0  # longer than the slowest call that the connectors allow
    pick_s: float = 1 * DAY
    pack_s: float = 8 * HOUR
    first_poll_s: float = 4 * DAY  # webhooks come first; polling is the net below
    poll_s: float = 1 * DAY
    lost_s: float = 21 * DAY
    exception_s: float = 1 * DAY
    return_review_s: float = 2 * DAY
    return_arrival_s: float = 21 * DAY  # from approval until nothing more is waited for
    return_poll_s: float = 1 * DAY
    inspection_s: float = 3 * DAY

    def scaled(self, factor: float) -> "Timings":
        """Divide every duration by `factor`: how the demo and the tests compress the calendar."""
        if factor == 1:
            return self
        divided = {
            field.name: max(
                getattr(self, field.name) / factor, _SHORTEST.get(field.name, SHORTEST_S)
            )
            for field in fields(self)
            if field.name.endswith("_s")
        }
        return replace(self, **divided)
