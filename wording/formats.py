"""How readers of a locale write amounts, rates, days and addresses. The data is CLDR's."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final

from babel import Locale
from babel.dates import format_date
from babel.localedata import exists
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from domain.languages import language_of, region_of
from domain.money import exponent, parse_minor

# Where a currency's code, and no sign, meets the number.
_LETTER_BEFORE_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")
_MINUS: Final = "\N{MINUS SIGN}"
_PER_PERCENT_DIGITS: Final = 4  # parts per million to percent
# Source: https://www.upu.int/en/postal-solutions/programmes-services/addressing-solutions
# Where the town comes before the code, and what parts it from its region; elsewhere the code leads.
_TOWN_FIRST: Final = {"US": ", ", "CA": " ", "AU": " ", "BR": " - ", "GB": "", "IN": ", "}


def locale_of(asked: str, default: str) -> Locale:
    """Return the locale to write in: what was asked for, as far as it is ours.

    An unknown region leaves the language; another language leaves `default`.
    """
    language = language_of(asked, default)
    region = region_of(asked) if language_of(asked, "") else None
    known = region and exists(f"{language}_{region}")
    return Locale.parse(f"{language}_{region}" if known else language)


def amount(amount_minor: int, currency: str, locale: Locale | str) -> str:
    """Without its currency; always as many decimals as the currency has."""
    found = Locale.parse(locale)
    pattern = _pattern(found.decimal_formats[None].pattern, exponent(currency))
    sign = _MINUS if amount_minor < 0 else ""
    text: str = pattern.apply(_decimal(abs(amount_minor), currency), found)
    return sign + text


def money(amount_minor: int, currency: str, locale: Locale | str) -> str:
    """With the currency's sign, or its code where readers know no sign."""
    found = Locale.parse(locale)
    pattern = _pattern(found.currency_formats["standard"].pattern, exponent(currency))
    number = _decimal(amount_minor, currency)
    text: str = pattern.apply(number, found, currency=currency, currency_digits=False)
    # Source: https://unicode.org/reports/tr35/tr35-numbers.html#Currencies (currencySpacing)
    return _LETTER_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def written_money(text: str, locale: Locale | str) -> str:
    """Write anew what was written down as a plain decimal and its currency: "10.50 USD"."""
    number, _, currency = text.rpartition(" ")
    return money(parse_minor(number, currency), currency, locale)


def percent(rate_ppm: int, locale: Locale | str) -> str:
    rate = Decimal(rate_ppm).scaleb(-_PER_PERCENT_DIGITS)
    return f"{format_decimal(rate, format='0.####', locale=locale)}\N{NO-BREAK SPACE}%"


def day(of: date, locale: Locale | str) -> str:
    """The month stands in letters in English, where the order of the numbers is not agreed on."""
    is_english = Locale.parse(locale).language == "en"
    return format_date(of, "d MMM y" if is_english else "dd/MM/y", locale=locale)


def long_day(of: date, locale: Locale | str) -> str:
    """With the day of the week, and nothing shortened."""
    return format_date(of, "full", locale=locale)


def address_lines(address: Mapping[str, Any], locale: Locale | str) -> list[str]:
    """The lines below a name: the order is the destination's, the country's name the reader's."""
    country = address.get("country")
    named = country and Locale.parse(locale).territories.get(country, country)
    found = (address.get("line1"), address.get("line2"), _town(address, country), named)
    return [line for line in found if line]


def _town(address: Mapping[str, Any], country: str | None) -> str:
    code, city, region = (address.get(part) for part in ("postal_code", "city", "region"))
    if country not in _TOWN_FIRST:
        return ", ".join(filter(None, (" ".join(filter(None, (code, city))), region)))
    between = _TOWN_FIRST[country]
    place = between.join(filter(None, (city, region))) if between else city
    return " ".join(filter(None, (place, code)))


@cache
def _pattern(pattern: str, digits: int) -> NumberPattern:
    """With exactly so many decimals: CLDR's own differ from ISO 4217 for some currencies."""
    made = parse_pattern(pattern)
    made.frac_prec = (digits, digits)
    return made


def _decimal(amount_minor: int, currency: str) -> Decimal:
    return Decimal(amount_minor).scaleb(-exponent(currency))
