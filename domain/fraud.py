"""How suspicious an order is: points for each fact, summed to a score that a person can check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

HIGHEST_SCORE: Final = 100
WINDOW_HOURS: Final = 24  # in which the orders of a customer, and to an address, are counted
# From so many on, so many points; the last step reached counts.
Steps = tuple[tuple[int, int], ...]
TIMES_LARGE: Final[Steps] = ((1, 25), (3, 45))  # the total, in multiples of a large order
OF_CUSTOMER: Final[Steps] = ((2, 10), (4, 25), (8, 45))  # other orders within the window
TO_ADDRESS: Final[Steps] = ((3, 10), (6, 25), (12, 45))
FIRST_ORDER: Final = 10
COUNTRIES_DIFFER: Final = 25
DISPOSABLE_MAIL: Final = 30
# Well-known providers of mailboxes that live for minutes; far from complete, and enough to start.
DISPOSABLE_DOMAINS: Final = frozenset(
    {
        "10minutemail.com", "discard.email", "dispostable.com", "fakeinbox.com", "getnada.com",
        "grr.la", "guerrillamail.com", "maildrop.cc", "mailinator.com", "mailnesia.com",
        "mintemail.com", "moakt.com", "sharklasers.com", "spamgourmet.com", "temp-mail.org",
        "tempmail.com", "throwawaymail.com", "trashmail.com", "yopmail.com",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """A channel's own: from which score a person looks, and what a large order is by currency."""

    review_from: int
    large_minor: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts and yes or no, never whose: they may be shown.

    `large_minor` None: the channel does not say what a large order is in this currency.
    `external_score` is another scorer's opinion, 0 to 100.
    """

    total_minor: int
    large_minor: int | None = None
    orders_of_customer: int = 0
    orders_to_address: int = 0
    is_first_order: bool = False
    countries_differ: bool = False
    mail_is_disposable: bool = False
    external_score: int | None = None


def points(facts: Facts) -> dict[str, int]:
    """What each rule that applies adds, by the rule's name."""
    times_large = facts.total_minor // facts.large_minor if facts.large_minor else 0
    given = {
        "amount": _step(TIMES_LARGE, times_large),
        "orders_of_customer": _step(OF_CUSTOMER, facts.orders_of_customer),
        "orders_to_address": _step(TO_ADDRESS, facts.orders_to_address),
        "first_order": FIRST_ORDER * facts.is_first_order,
        "countries_differ": COUNTRIES_DIFFER * facts.countries_differ,
        "disposable_mail": DISPOSABLE_MAIL * facts.mail_is_disposable,
    }
    return {rule: added for rule, added in given.items() if added}


def score(facts: Facts) -> int:
    """Return 0 to 100: our own sum, or another scorer's opinion where that is higher."""
    own = min(sum(points(facts).values()), HIGHEST_SCORE)
    return max(own, facts.external_score or 0)


def is_disposable(email: str) -> bool:
    """Whether the address is at a disposable provider, or at a subdomain of one."""
    labels = email.rpartition("@")[2].lower().rstrip(".").split(".")
    return any(".".join(labels[start:]) in DISPOSABLE_DOMAINS for start in range(len(labels)))


def read_policy(raw: Mapping[str, Any] | None) -> Policy | None:
    """None: the channel's orders are not scored."""
    return Policy(raw["review_from"], dict(raw.get("large_minor") or {})) if raw else None


def _step(steps: Steps, count: int) -> int:
    return max((added for least, added in steps if count >= least), default=0)
