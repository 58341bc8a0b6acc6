"""What can hold an order up: each kind of hold, what it blocks, whose it is and how it runs out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from domain.timings import Timings


class Transition(StrEnum):
    ROUTING = "routing"  # choosing locations: before it there are no parcels
    RELEASE = "release"  # the warehouse picks and packs
    CAPTURE = "capture"  # cards are charged at hand-over
    SHIPPING = "shipping"  # a label is bought, the parcel leaves


class Expiry(StrEnum):
    RELEASE = "release"  # what was waited for is over
    CANCEL = "cancel"  # nobody could help: the order ends with the kind's outcome
    ESCALATE = "escalate"  # an exception: a person must decide


class Trigger(StrEnum):
    PLACEMENT = "placement"  # a rule, as the order is admitted
    VERIFICATION = "verification"  # the carrier's vendor does not know the address
    RESERVATION = "reservation"  # the stock of a paid order is gone
    HAND = "hand"  # staff, through the API


ALL: Final = (Transition.ROUTING, Transition.RELEASE, Transition.CAPTURE, Transition.SHIPPING)
# Of a parcel that exists already, everything but its routing can still be held up.
OF_PARCELS: Final = frozenset(ALL) - {Transition.ROUTING}
LEAVING: Final = frozenset({Transition.CAPTURE, Transition.SHIPPING})


@dataclass(frozen=True, slots=True)
class HoldType:
    """`within` names the field of Timings that bounds it; None: a date of its own does."""

    applied_by: tuple[Trigger, ...]
    blocks: tuple[Transition, ...]
    owner: str
    within: Literal["grace_s", "review_s", "correction_s", "hold_s"] | None
    on_expiry: Expiry
    outcome: str = "cancelled"  # of an order that the hold's expiry ends
    release_scope: str = "orders:write"


_ADDRESS: Final = (Transition.ROUTING, Transition.SHIPPING)
_ROUTING: Final = (Transition.ROUTING,)
HOLD_TYPES: Final[Mapping[str, HoldType]] = {
    "fraud_review": HoldType(
        (Trigger.PLACEMENT, Trigger.HAND), ALL, "fraud", "review_s", Expiry.ESCALATE,
        release_scope="fraud:review",
    ),
    "payment_review": HoldType(
        (Trigger.HAND,), ALL, "payments", "review_s", Expiry.ESCALATE,
    ),
    "address_problem": HoldType(
        (Trigger.VERIFICATION, Trigger.HAND), _ADDRESS, "support", "correction_s", Expiry.CANCEL,
        outcome="refused_address",
    ),
    "customer_request": HoldType(
        (Trigger.HAND,), ALL, "support", "hold_s", Expiry.RELEASE,
    ),
    "grace_period": HoldType(
        (Trigger.PLACEMENT,), _ROUTING, "support", "grace_s", Expiry.RELEASE,
    ),
    "preorder_date": HoldType(
        (Trigger.PLACEMENT,), _ROUTING, "operations", None, Expiry.RELEASE,
    ),
    "stock_shortage": HoldType(
        (Trigger.RESERVATION, Trigger.HAND), _ROUTING, "operations", "hold_s", Expiry.CANCEL,
        outcome="refused_stock",
    ),
    "channel_hold": HoldType(
        (Trigger.HAND,), ALL, "channels", "hold_s", Expiry.ESCALATE,
    ),
}  # fmt: skip
BY_HAND: Final = tuple(
    kind for kind, type_ in HOLD_TYPES.items() if Trigger.HAND in type_.applied_by
)
# Whom the exception of a hold that ran out is for, by its reason.
OVERDUE_OWNERS: Final[Mapping[str, str]] = {
    f"{kind}_overdue": type_.owner for kind, type_ in HOLD_TYPES.items()
}


@dataclass(frozen=True, slots=True)
class RuledHold:
    """What a rule asks for: until a moment, or for so many seconds from now."""

    kind: str
    until: datetime | None = None
    within_s: float | None = None


def within_s(kind: str, timings: Timings) -> float | None:
    """How long a hold of this kind may last (seconds); None when it has a date of its own."""
    name = HOLD_TYPES[kind].within
    return None if name is None else float(getattr(timings, name))


def blocks_parcels(kind: str) -> bool:
    """Whether placing it still means something when the order is routed."""
    return not OF_PARCELS.isdisjoint(HOLD_TYPES[kind].blocks)


def placement_holds(
    *,
    now: datetime,
    available_from: datetime | None,
    grace_s: float,
    review_s: float,
    is_suspicious: bool,
) -> tuple[RuledHold, ...]:
    """Return the holds of an order that is admitted now; `available_from` is its latest goods'."""
    asked = []
    if is_suspicious:
        asked.append(RuledHold("fraud_review", within_s=review_s))
    if grace_s > 0:
        asked.append(RuledHold("grace_period", within_s=grace_s))
    if available_from is not None and available_from > now:
        asked.append(RuledHold("preorder_date", until=available_from))
    return tuple(asked)
