"""Measures go up, prices are exact, and the cheapest rate in time is taken."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.connectors.carrier.easypost.translate import inches, ounces, price_minor
from activities.connectors.carrier.port import Rate, cheapest


@pytest.mark.parametrize(("grams", "text"), [(1, "0.1"), (28, "1.0"), (29, "1.1"), (454, "16.1")])
def test_grams_become_ounces_rounded_up(grams, text):
    assert ounces(grams) == text


@pytest.mark.parametrize(("mm", "text"), [(1, "0.1"), (254, "10.0"), (255, "10.1"), (127, "5.0")])
def test_millimetres_become_inches_rounded_up(mm, text):
    assert inches(mm) == text


@given(st.integers(1, 10_000_000))
def test_a_parcel_is_never_declared_smaller_and_never_much_larger(measure):
    over_g = Decimal(ounces(measure)) * Decimal("28.349523125") - measure
    over_mm = Decimal(inches(measure)) * Decimal("25.4") - measure
    assert 0 <= over_g < Decimal("2.8349523125")
    assert 0 <= over_mm < Decimal("2.54")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("8.20", "USD", 820), ("8.2", "USD", 820), ("8.20000", "USD", 820), ("8.201", "USD", 821),
     ("900", "JPY", 900), ("900.5", "JPY", 901), ("1.2345", "KWD", 1235)],
)  # fmt: skip
def test_a_price_is_exact_or_the_next_minor_unit(text, currency, minor):
    assert price_minor(text, currency) == minor


@pytest.mark.parametrize("text", ["", "free", "-.5x", "1.x", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError, match="not a"):
        price_minor(text, "USD")


def rate(amount: int, days: int | None, rate_id: str = "") -> Rate:
    return Rate(rate_id or f"rate_{amount}_{days}", "USPS", "x", amount, "USD", days)


def test_the_cheapest_is_taken_when_time_does_not_matter():
    assert cheapest((rate(900, 1), rate(500, 5), rate(700, None))).amount_minor == 500


def test_the_cheapest_in_time_is_taken():
    assert cheapest((rate(900, 1), rate(700, 3), rate(500, 5)), within_days=3).amount_minor == 700


def test_when_none_is_in_time_the_cheapest_of_the_quickest_is_taken():
    rates = (rate(900, 4), rate(800, 4), rate(500, 9))
    assert cheapest(rates, within_days=1).amount_minor == 800


def test_rates_that_promise_nothing_compete_by_price_alone():
    assert cheapest((rate(900, None), rate(800, None)), within_days=1).amount_minor == 800


def test_equal_prices_are_told_apart_the_same_way_each_time():
    rates = (rate(500, 2, "rate_b"), rate(500, 2, "rate_a"))
    assert cheapest(rates) == cheapest(rates[::-1])


def test_no_rates_is_an_error():
    with pytest.raises(ValueError, match="no rates"):
        cheapest(())
