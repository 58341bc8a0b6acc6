"""Money is an integer in minor units with its currency: reading, showing, splitting it exactly."""

import re
from collections.abc import Sequence
from typing import Final

DEFAULT_EXPONENT: Final = 2
# Source: ISO 4217 list one; only what differs from two decimals is written down.
EXPONENTS: Final[dict[str, int]] = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0,
    "KMF": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip
_AMOUNT: Final = re.compile(r"^(-?)(\d{1,15})(?:\.(\d{1,6}))?$")


def exponent(currency: str) -> int:
    """Return how many decimals `currency` has."""
    return EXPONENTS.get(currency, DEFAULT_EXPONENT)


def settled_step(currency: str) -> int:
    """Return the smallest amount that cards settle: of three decimals the last has to be zero.

    Source: https://docs.stripe.com/currencies#three-decimal
    """
    return 10 if exponent(currency) > DEFAULT_EXPONENT else 1


def payable(amount_minor: int, currency: str) -> int:
    """Return what of an amount a card can settle: never more."""
    step = settled_step(currency)
    return amount_minor // step * step


def parse_minor(text: str, currency: str) -> int:
    """Read a decimal text such as "10.50" as minor units.

    Raises: ValueError when it is no amount, or finer than the currency's minor unit.
    """
    match = _AMOUNT.match(text.strip())
    if match is None:
        raise ValueError(f"not an amount: {text!r}")
    sign, whole, decimals = match.group(1), match.group(2), match.group(3) or ""
    digits = exponent(currency)
    if decimals[digits:].strip("0"):
        raise ValueError(f"{text!r} is finer than the minor unit of {currency}")
    minor = int(whole + decimals[:digits].ljust(digits, "0"))
    return -minor if sign else minor


def format_minor(amount_minor: int, currency: str) -> str:
    """Write minor units as a plain decimal text: 1050 USD is "10.50"."""
    digits = exponent(currency)
    sign, text = ("-" if amount_minor < 0 else ""), str(abs(amount_minor))
    if digits == 0:
        return sign + text
    text = text.rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def split(amount_minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split an amount by weights so that the parts sum to the whole exactly.

    Largest remainder; ties go to the earlier part. All weights zero counts as all equal.
    Raises: ValueError for no weights or a negative one.
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights must be given and not negative")
    sign, whole = (-1, -amount_minor) if amount_minor < 0 else (1, amount_minor)
    shares = list(weights) if any(weights) else [1] * len(weights)
    total = sum(shares)
    parts = [whole * share // total for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(whole * shares[i] % total), i))
    for i in by_remainder[: whole - sum(parts)]:
        parts[i] += 1
    return tuple(sign * part for part in parts)
