"""Amounts as the shop writes them: decimal text, in REST and in GraphQL with different zeros."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

Json = dict[str, Any]

NO_CENTS: Final = frozenset({"JPY", "KRW", "CLP", "VND", "ISK"})


class BadAmount(ValueError):
    """Text that is no amount."""


def amount(value: Any) -> Decimal:
    """Raises: BadAmount."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise BadAmount(f"{value!r} is no amount")
    return found


def rest(value: Decimal, currency: str) -> str:
    """`10.00`; yen have none."""
    return f"{value:.0f}" if currency in NO_CENTS else f"{value:.2f}"


def graph(value: Any) -> str:
    """`10.0`: a Decimal as GraphQL prints it."""
    plain = f"{amount(value).normalize():f}"
    return plain if "." in plain else f"{plain}.0"


def money_set(text: str, currency: str) -> Json:
    """The same amount for the shop and for the buyer."""
    money = {"amount": text, "currency_code": currency}
    return {"shop_money": money, "presentment_money": money}
