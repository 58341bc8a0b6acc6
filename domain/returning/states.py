"""The steps of a return, and its two axes: what has arrived, and what of it is accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Which state may follow which. "received" is left out by what is not sent back.
BEFORE: Final[Mapping[str, frozenset[str]]] = {
    "approved": frozenset({"requested"}),
    "received": frozenset({"approved"}),
    "inspected": frozenset({"received"}),
    "settled": frozenset({"approved", "inspected"}),
    "closed": frozenset({"requested", "approved", "settled"}),
}
FINAL: Final = frozenset({"closed"})
# How a return ends. The first three give nothing; what is given decides the others.
OUTCOMES: Final = (
    "refused", "cancelled", "never_arrived", "rejected", "refunded", "credited", "exchanged",
    "replaced",
)  # fmt: skip
# What becomes of a unit that was looked at. Only what is restocked can be sold again.
DISPOSITIONS: Final = ("restock", "refurbish", "return_to_vendor", "scrap", "quarantine")


class Reception(StrEnum):
    NOT_EXPECTED = "not_expected"  # the customer keeps the goods
    AWAITED = "awaited"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    SHORT = "short"  # less came than was announced, and no more is waited for
    NEVER_ARRIVED = "never_arrived"


class Acceptance(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Counts:
    """The units of one return item."""

    requested: int
    received: int = 0
    accepted: int = 0
    rejected: int = 0


def may_follow(state: str, before: str) -> bool:
    return before in BEFORE[state]


def reception(items: Sequence[Counts], *, is_kept: bool, is_over: bool) -> Reception:
    """`is_over`: nothing more is waited for."""
    if is_kept:
        return Reception.NOT_EXPECTED
    requested = sum(item.requested for item in items)
    received = sum(item.received for item in items)
    if received >= requested:
        return Reception.RECEIVED
    if is_over:
        return Reception.SHORT if received else Reception.NEVER_ARRIVED
    return Reception.PARTLY_RECEIVED if received else Reception.AWAITED


def acceptance(items: Sequence[Counts]) -> Acceptance:
    accepted = sum(item.accepted for item in items)
    rejected = sum(item.rejected for item in items)
    if accepted and rejected:
        return Acceptance.PARTLY_ACCEPTED
    if accepted:
        return Acceptance.ACCEPTED
    return Acceptance.REJECTED if rejected else Acceptance.PENDING
