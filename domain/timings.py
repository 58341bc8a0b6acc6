"""Every duration of an order's life, in one value that settings choose and workflows carry."""

from dataclasses import dataclass, fields, replace
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# However compressed the calendar is, machines and people are not: no wait shrinks below this.
SHORTEST_S: Final = 0.5
SHORTEST_FOR_PEOPLE_S: Final = 60.0
SHORTEST_ATTEMPT_S: Final = 10.0
# An outage of some minutes is no reason to call anybody, and stock is held that long.
SHORTEST_PATIENCE_S: Final = 300.0
# Waits that end in a person's task: compressed less, so that load alone never calls somebody.
_FOR_PEOPLE: Final = (
    "pick_s", "pack_s", "exception_s", "hold_s", "review_s", "correction_s", "authorization_s",
    "return_review_s", "inspection_s",
)  # fmt: skip
_SHORTEST: Final = dict.fromkeys(_FOR_PEOPLE, SHORTEST_FOR_PEOPLE_S) | {
    "vendor_attempt_s": SHORTEST_ATTEMPT_S,
    "vendor_patience_s": SHORTEST_PATIENCE_S,
    "reservation_s": SHORTEST_PATIENCE_S,
    "scorer_s": SHORTEST_ATTEMPT_S,
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
    grace_s: float = 0.0  # in which a customer may think again before anything is routed; 0: none
    review_s: float = 2 * DAY  # a card's authorization must outlive it
    correction_s: float = 5 * DAY  # of an address that cannot be delivered to
    hold_s: float = 7 * DAY  # any other hold
    scorer_s: float = 10.0  # patience with an external fraud scorer; then ours alone counts
    backorder_s: float = 30 * DAY  # what has not come by then is asked about
    no_scan_s: float = 3 * DAY  # from hand-over to the carrier's first scan
    stalled_s: float = 7 * DAY  # between two scans
    promised_day_s: float = 1 * DAY  # how long a day of a promise or a policy lasts
    authorization_s: float = 6 * DAY  # then it is made anew: a card's lapses after seven
    return_review_s: float = 2 * DAY
    return_arrival_s: float = 21 * DAY  # from approval until nothing more is waited for
    return_poll_s: float = 1 * DAY
    inspection_s: float = 3 * DAY

    def scaled(self, factor: float) -> "Timings":
        """Divide every duration by `factor`: how the demo and the tests compress the calendar.

        What is off (0) stays off.
        """
        if factor == 1:
            return self
        divided = {
            field.name: max(
                getattr(self, field.name) / factor, _SHORTEST.get(field.name, SHORTEST_S)
            )
            for field in fields(self)
            if field.name.endswith("_s") and getattr(self, field.name) > 0
        }
        return replace(self, **divided)
