"""Whether goods may come back: an ordered list of small rules; the first refusal counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.returning.policy import ReturnPolicy, window_days

# What the merchant or the carrier did wrong: such a return costs the customer nothing.
FAULTS: Final = frozenset({"defective", "damaged_in_transit", "wrong_item", "not_as_described"})
REASONS: Final = FAULTS | {"unwanted", "wrong_size", "late", "other"}
CONDITIONS: Final = frozenset({"unopened", "opened", "used", "damaged"})


class Decision(StrEnum):
    ALLOW = "allow"
    REVIEW = "review"  # a person decides
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    reason: str | None = None


ALLOWED: Final = Verdict(Decision.ALLOW)


@dataclass(frozen=True, slots=True)
class Wish:
    """One line that somebody wants to send back, with what is known of it."""

    line_no: int
    quantity: int
    reason: str
    condition: str
    category: str | None
    country: str
    shipped: int
    spoken_for: int  # in a return already, or returned
    arrived_at: datetime | None  # of the newest parcel that the units come from
    worth_minor: int
    source: str  # customer, staff or channel


Rule = Callable[[Wish, ReturnPolicy, datetime], Verdict | None]


def _refuse(reason: str) -> Verdict:
    return Verdict(Decision.REFUSE, reason)


def _review(reason: str) -> Verdict:
    return Verdict(Decision.REVIEW, reason)


def quantity(wish: Wish, _: ReturnPolicy, __: datetime) -> Verdict | None:
    if wish.shipped == 0:
        return _refuse("not_shipped")
    if wish.spoken_for >= wish.shipped:
        return _refuse("already_returned")
    too_many = wish.quantity > wish.shipped - wish.spoken_for
    return _refuse("more_than_shipped") if too_many else None


def channel(wish: Wish, policy: ReturnPolicy, _: datetime) -> Verdict | None:
    """What the marketplace mandates is not ours to refuse; what it decides, not ours to allow."""
    if wish.source == "channel":
        return ALLOWED
    return _refuse("channel_decides") if policy.channel_decides else None


def final_sale(wish: Wish, policy: ReturnPolicy, _: datetime) -> Verdict | None:
    if wish.reason in FAULTS or wish.category not in policy.final_sale:
        return None
    return _refuse("final_sale")


def window(wish: Wish, policy: ReturnPolicy, now: datetime) -> Verdict | None:
    """Counted from arrival; staff may look past its end, customers may not."""
    if wish.arrived_at is None:
        return None
    days = window_days(policy, wish.category, wish.country)
    if now <= wish.arrived_at + timedelta(days=days):
        return None
    return _review("window_over") if wish.source == "staff" else _refuse("window_over")


def condition(wish: Wish, policy: ReturnPolicy, _: datetime) -> Verdict | None:
    if wish.condition in policy.refused_conditions:
        return _refuse("condition")
    needs_look = wish.condition in policy.reviewed_conditions and wish.reason not in FAULTS
    return _review("condition") if needs_look else None


def value(wish: Wish, policy: ReturnPolicy, _: datetime) -> Verdict | None:
    most = policy.review_above_minor
    return _review("value") if most is not None and wish.worth_minor > most else None


RULES: Final[Sequence[Rule]] = (quantity, channel, final_sale, window, condition, value)


def judge(wish: Wish, policy: ReturnPolicy, now: datetime) -> Verdict:
    """The first refusal, or allowance, ends it; else the first doubt; else it is allowed."""
    doubt: Verdict | None = None
    for rule in RULES:
        found = rule(wish, policy, now)
        if found is None:
            continue
        if found.decision is not Decision.REVIEW:
            return found
        doubt = doubt or found
    return doubt or ALLOWED


def judge_all(verdicts: Sequence[Verdict]) -> Verdict:
    """A return is refused with any line of it, and looked at when any line must be."""
    for decision in (Decision.REFUSE, Decision.REVIEW):
        for verdict in verdicts:
            if verdict.decision is decision:
                return verdict
    return ALLOWED
