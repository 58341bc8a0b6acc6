"""What a merchant allows of returns: data, chosen by channel, with defaults that need no set-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

WHOLE: Final = 10_000  # basis points of a whole


@dataclass(frozen=True)
class ReturnPolicy:
    """Amounts are minor units of the order's currency, rates are basis points of the goods."""

    window_days: int = 30  # after the parcel arrived
    # A category's window goes before a country's, which goes before the general one.
    window_days_by_category: Mapping[str, int] = field(default_factory=dict)
    window_days_by_country: Mapping[str, int] = field(default_factory=dict)
    final_sale: frozenset[str] = frozenset()  # categories that never come back
    refused_conditions: frozenset[str] = frozenset()
    reviewed_conditions: frozenset[str] = frozenset({"used", "damaged"})
    review_above_minor: int | None = None  # goods worth more wait for a person
    keep_it_below_minor: int = 0  # goods worth less are refunded and not sent back
    # Freight goes back with the last unit of its parcel. Source: Directive 2011/83/EU, article 13.
    refunds_freight: bool = True
    restocking_fee_bp: int = 0
    return_freight_minor: int = 0
    credit_bonus_bp: int = 0  # added when store credit is chosen
    arrival_days: int | None = None  # waited for goods to come; None: as the timings say
    channel_decides: bool = False  # the marketplace authorizes returns, not we


DEFAULT: Final = ReturnPolicy()
_SETS: Final = frozenset({"final_sale", "refused_conditions", "reviewed_conditions"})


def read_policy(rules: Mapping[str, Any]) -> ReturnPolicy:
    """Read what the set-up file gave; what it did not say stays as by default."""
    known = {each.name for each in fields(ReturnPolicy)}
    given: dict[str, Any] = {
        name: frozenset(value) if name in _SETS else value
        for name, value in rules.items()
        if name in known
    }
    return ReturnPolicy(**given)


def window_days(policy: ReturnPolicy, category: str | None, country: str) -> int:
    by_country = policy.window_days_by_country.get(country, policy.window_days)
    return policy.window_days_by_category.get(category or "", by_country)
