"""What is done about a parcel that goes wrong on the road: when, what, and who is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.tracking import TrackingStatus


class Play(StrEnum):
    DAMAGED = "damaged"
    LOST = "lost"
    RETURNED_TO_SENDER = "returned_to_sender"
    DELIVERY_FAILED = "delivery_failed"
    NO_FIRST_SCAN = "no_first_scan"
    STALLED = "stalled"
    DELAYED = "delayed"


# Noted of a parcel that the carrier was asked to bring back: no play, but it decides one.
INTERCEPTED: Final = "intercepted"


class Does(StrEnum):
    ASK = "ask"  # a person decides
    REMEDY = "remedy"  # replaced or refunded, as the channel's policy says
    TELL = "tell"  # the customer is told, with a new promise
    RESHIP = "reship"  # a remedy
    REFUND = "refund"  # a remedy


@dataclass(frozen=True, slots=True)
class Rule:
    does: Does
    tells: tuple[str, ...]
    is_claimed: bool = False  # the carrier owes us, if the parcel is written off


# The most serious first: of several that apply, this one decides.
RULES: Final[Mapping[Play, Rule]] = {
    Play.DAMAGED: Rule(Does.REMEDY, ("customer", "carrier"), is_claimed=True),
    Play.LOST: Rule(Does.REMEDY, ("customer", "carrier"), is_claimed=True),
    Play.RETURNED_TO_SENDER: Rule(Does.ASK, ("staff",)),
    Play.DELIVERY_FAILED: Rule(Does.ASK, ("staff",)),
    Play.NO_FIRST_SCAN: Rule(Does.ASK, ("staff",), is_claimed=True),
    Play.STALLED: Rule(Does.TELL, ("customer",)),
    Play.DELAYED: Rule(Does.TELL, ("customer",)),
}
# What the carrier itself says.
SAID: Final[Mapping[TrackingStatus, Play]] = {
    TrackingStatus.DAMAGED: Play.DAMAGED,
    TrackingStatus.LOST: Play.LOST,
    TrackingStatus.RETURN_TO_SENDER: Play.RETURNED_TO_SENDER,
    TrackingStatus.DELIVERY_FAILED: Play.DELIVERY_FAILED,
}
UNSEEN: Final = frozenset({TrackingStatus.PENDING, TrackingStatus.UNKNOWN})
MOVING: Final = frozenset({TrackingStatus.IN_TRANSIT, TrackingStatus.OUT_FOR_DELIVERY})
# How much later than today a late parcel is promised. Until lanes are measured.
LATER_DAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds."""

    no_scan_s: float
    stalled_s: float
    lost_s: float


@dataclass(frozen=True, slots=True)
class Facts:
    status: TrackingStatus
    handed_over_at: datetime
    last_scan_at: datetime | None = None
    late_from: datetime | None = None  # what was promised
    done: frozenset[Play] = field(default_factory=frozenset)  # told, or left waiting by a person


def _times(facts: Facts, patience: Patience) -> dict[Play, datetime]:
    """Say from when on each play that goes by the clock applies."""
    since, times = facts.handed_over_at, {}
    times[Play.LOST] = since + timedelta(seconds=patience.lost_s)
    if facts.status in UNSEEN:
        times[Play.NO_FIRST_SCAN] = since + timedelta(seconds=patience.no_scan_s)
    if facts.status in MOVING:
        times[Play.STALLED] = (facts.last_scan_at or since) + timedelta(seconds=patience.stalled_s)
    if facts.late_from is not None:
        times[Play.DELAYED] = max(facts.late_from, since)
    return times


def due(facts: Facts, patience: Patience, now: datetime) -> tuple[Play, ...]:
    """Say what is to be done now, the most serious first."""
    if facts.status is TrackingStatus.DELIVERED:
        return ()
    plays = {play for play, at in _times(facts, patience).items() if at <= now}
    if facts.status in SAID:
        plays.add(SAID[facts.status])
    return tuple(play for play in RULES if play in plays - facts.done)


def is_over(play: Play, status: TrackingStatus) -> bool:
    """Say whether a trouble has ended by itself, so that nobody needs to decide about it."""
    if play is Play.NO_FIRST_SCAN:
        return status not in UNSEEN | {TrackingStatus.CANCELLED}
    return play is Play.DELIVERY_FAILED and status in MOVING


def next_at(facts: Facts, patience: Patience, now: datetime) -> datetime | None:
    """Say when the clock alone makes something more due."""
    if facts.status is TrackingStatus.DELIVERED:
        return None
    known = facts.done | set(due(facts, patience, now))
    coming = [at for play, at in _times(facts, patience).items() if at > now and play not in known]
    return min(coming, default=None)


def remedy(policy: str, value_minor: int, limit_minor: int, *, is_replacement: bool) -> Does:
    """Reship or refund as the channel says; above its limit, or when it says so, a person decides.

    So does a person about what was sent twice already. `policy`: ask, reship or refund.
    """
    if policy == "ask" or value_minor > limit_minor:
        return Does.ASK
    if policy == "reship" and is_replacement:
        return Does.ASK
    return Does(policy)


def late_from(promised_at: datetime, promised_by: datetime, day_s: float) -> datetime:
    """Return when the promise is over, for a calendar whose days are so many seconds long."""
    days = (promised_by - promised_at) / timedelta(days=1)
    return promised_at + timedelta(seconds=days * day_s)
