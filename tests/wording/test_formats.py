"""Amounts, days and addresses are written as the reader writes them, and amounts exactly."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import EXPONENTS, format_minor
from wording.formats import (
    address_lines,
    amount,
    day,
    locale_of,
    long_day,
    money,
    percent,
    written_money,
)

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("asked", "default", "found"),
    [
        ("pt-BR", "en", "pt_BR"),
        ("es_MX", "en", "es_MX"),
        ("ES-mx", "en", "es_MX"),
        ("es-419", "en", "es_419"),
        ("es", "en", "es"),
        ("en-GB", "pt", "en_GB"),
        ("pt-Latn-BR", "en", "pt_BR"),
        ("pt_BR.UTF-8", "en", "pt_BR"),
        ("es-ZZ", "en", "es"),  # no such region: the language alone
        ("es-DE", "en", "es"),  # nobody knows how Spanish is written there
        ("de-DE", "es", "es"),  # another language: the channel's, without the region
        ("de-BR", "pt", "pt"),
        ("und", "es", "es"),
        ("", "pt", "pt"),
        ("english", "es", "es"),
        ("x" * 100, "en", "en"),
        ("../../etc", "en", "en"),
    ],
)
def test_a_locale_is_followed_as_far_as_it_is_known(asked: str, default: str, found: str) -> None:
    assert str(locale_of(asked, default)) == found


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (123_456_789, "EUR", "en", "1,234,567.89"),
        (-5, "EUR", "es", "\N{MINUS SIGN}0,05"),
        (1_234, "JPY", "pt", "1.234"),
        (1_234_567, "KWD", "en", "1,234.567"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    minor: int, currency: str, locale: str, text: str
) -> None:
    assert amount(minor, currency, locale) == text


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (2_500, "USD", "en", "$25.00"),
        (124_990, "EUR", "es", f"1.249,90{SPACE}€"),
        (124_990, "BRL", "pt_BR", f"R${SPACE}1.249,90"),
        (124_990, "EUR", "pt_PT", f"1{SPACE}249,90{SPACE}€"),
        (2_500, "USD", "es_MX", f"USD{SPACE}25.00"),
        (2_500, "MXN", "es_MX", "$25.00"),
        (1_234, "JPY", "en", "¥1,234"),
        (1_234, "JPY", "pt", f"JP¥{SPACE}1.234"),
        (1_234, "BHD", "en", f"BHD{SPACE}1.234"),
        (1_000, "ISK", "es", f"1.000{SPACE}ISK"),
        (5, "IQD", "en", f"IQD{SPACE}0.005"),  # CLDR would write none
        (-1_050, "USD", "en", "-$10.50"),
    ],
)
def test_money_is_written_with_its_sign(minor: int, currency: str, locale: str, text: str) -> None:
    assert money(minor, currency, locale) == text


@settings(deadline=None)  # the first reading of a locale takes its time
@given(
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.sampled_from(["USD", "EUR", "BRL", *EXPONENTS]),
    st.sampled_from(["en", "en_GB", "es", "es_MX", "pt", "pt_PT"]),
)
def test_no_digit_is_lost_or_made_up(minor: int, currency: str, locale: str) -> None:
    plain = format_minor(minor, currency)
    digits = [letter for letter in plain if letter.isdigit()]
    assert [letter for letter in amount(minor, currency, locale) if letter.isdigit()] == digits
    assert [letter for letter in money(minor, currency, locale) if letter.isdigit()] == digits
    assert written_money(f"{plain} {currency}", locale) == money(minor, currency, locale)


@pytest.mark.parametrize("text", ["", "10.50", "USD", "ten USD", "10.505 USD"])
def test_what_is_no_amount_is_not_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|finer"):
        written_money(text, "en")


def test_rates_are_written_as_short_as_they_are() -> None:
    written = [percent(ppm, "es") for ppm in (210_000, 72_500, 0, 88_750, 1, 12_000_000)]
    assert [text.replace(SPACE, " ") for text in written] == [
        "21 %", "7,25 %", "0 %", "8,875 %", "0,0001 %", "1200 %",
    ]  # fmt: skip


def test_days_are_written_short_on_papers_and_long_in_mails() -> None:
    christmas = date(2026, 12, 25)
    short = [day(christmas, language) for language in ("en", "es", "pt")]
    assert short == ["25 Dec 2026", "25/12/2026", "25/12/2026"]
    assert [long_day(christmas, locale) for locale in ("en", "en_GB", "es_MX", "pt_BR")] == [
        "Friday, December 25, 2026",
        "Friday, 25 December 2026",
        "viernes, 25 de diciembre de 2026",
        "sexta-feira, 25 de dezembro de 2026",
    ]


@pytest.mark.parametrize(
    ("country", "code", "region", "lines"),
    [
        ("ES", "41001", None, ["41001 Town", "España"]),
        ("MX", "06000", "CDMX", ["06000 Town, CDMX", "México"]),
        ("US", "97701", "OR", ["Town, OR 97701", "Estados Unidos"]),
        ("BR", "01310-100", "SP", ["Town - SP 01310-100", "Brasil"]),
        ("GB", "SW1A 1AA", "Greater London", ["Town SW1A 1AA", "Reino Unido"]),
        ("ZZ", None, None, ["Town", "Región desconocida"]),
        (None, None, None, ["Town"]),
    ],
)
def test_an_address_is_in_the_order_of_its_country_and_the_words_of_its_reader(
    country: str | None, code: str | None, region: str | None, lines: list[str]
) -> None:
    address = {"line1": "1 Side St", "city": "Town", "postal_code": code, "region": region,
               "country": country}  # fmt: skip
    assert address_lines(address, "es") == ["1 Side St", *lines]


def test_a_place_without_a_town_is_still_written() -> None:
    assert address_lines({"line1": "Km 7", "country": "US"}, "en") == ["Km 7", "United States"]
    assert address_lines({"region": "X"}, "en") == ["X"]
    assert address_lines({}, "en") == []
