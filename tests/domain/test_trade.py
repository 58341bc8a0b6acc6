"""Barcodes, customs codes and countries as trade knows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.trade import COUNTRIES, GTIN_LENGTHS, check_digit, fault_of_gtin, plain_hs_code

DIGITS = st.sampled_from(GTIN_LENGTHS).flatmap(
    lambda length: st.text("0123456789", min_size=length - 1, max_size=length - 1)
)


@pytest.mark.parametrize("gtin", ["4006381333931", "036000291452", "96385074", "10614141000415"])
def test_printed_barcodes_are_right(gtin: str) -> None:
    assert fault_of_gtin(gtin) is None


@given(DIGITS, st.integers(1, 9), st.data())
def test_one_wrong_digit_is_noticed(digits: str, step: int, data: st.DataObject) -> None:
    gtin = f"{digits}{check_digit(digits)}"
    assert fault_of_gtin(gtin) is None
    place = data.draw(st.integers(0, len(gtin) - 1))
    wrong = f"{gtin[:place]}{(int(gtin[place]) + step) % 10}{gtin[place + 1 :]}"
    assert fault_of_gtin(wrong) is not None


@pytest.mark.parametrize(
    "text", ["", "1", "400638133393", "4.00638E+12", "400638133393\n", "٤" * 8]
)
def test_what_is_no_gtin_is_told(text: str) -> None:
    assert fault_of_gtin(text) is not None


@pytest.mark.parametrize(
    ("text", "plain"),
    [("691200", "691200"), ("6912.00.10", "69120010"), ("6912 00 10 00", "6912001000"),
     ("69120", None), ("6912000", None), ("69120010001", None), ("", None), ("69120x", None)],
)  # fmt: skip
def test_an_hs_code_has_six_eight_or_ten_digits(text: str, plain: str | None) -> None:
    assert plain_hs_code(text) == plain


def test_countries_are_the_assigned_ones() -> None:
    assert len(COUNTRIES) == 249
    assert {"PT", "US", "BR", "SS"} <= COUNTRIES
    assert COUNTRIES.isdisjoint({"ZZ", "UK", "EU", "AN"})
