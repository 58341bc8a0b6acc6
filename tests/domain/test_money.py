"""Money is read, shown and split without losing a minor unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import EXPONENTS, format_minor, parse_minor, payable, settled_step, split

CURRENCIES = st.sampled_from(["USD", "BRL", *EXPONENTS])


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_a_split_sums_to_the_whole(amount: int, weights: list[int]) -> None:
    assert sum(split(amount, weights)) == amount


@given(st.integers(0, 10**9), st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_no_part_is_more_than_one_unit_off_its_exact_share(amount: int, weights: list[int]) -> None:
    for part, weight in zip(split(amount, weights), weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_parts_have_the_sign_of_the_whole_and_mirror_it(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    assert all(part * amount >= 0 for part in parts)
    assert split(-amount, weights) == tuple(-part for part in parts)
    if any(weights):
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


def test_the_odd_cents_go_to_the_largest_remainders_and_ties_to_the_first() -> None:
    assert split(100, [1, 1, 1]) == (34, 33, 33)
    assert split(-100, [1, 1, 1]) == (-34, -33, -33)
    assert split(7, [0, 0]) == (4, 3)


@given(st.integers(-(10**12), 10**12), CURRENCIES)
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    assert parse_minor(format_minor(amount, currency), currency) == amount


def test_currencies_have_their_own_decimals() -> None:
    assert parse_minor("10.50", "USD") == 1050
    assert parse_minor("1050", "JPY") == 1050
    assert format_minor(1050, "KWD") == "1.050"
    assert [format_minor(-5, name) for name in ("USD", "JPY", "KWD")] == ["-0.05", "-5", "-0.005"]


def test_zeros_beyond_the_minor_unit_are_no_loss() -> None:
    assert parse_minor(" 1.5000 ", "USD") == 150
    assert parse_minor("7.0", "JPY") == 7
    assert parse_minor("-0.5", "KWD") == -500


@pytest.mark.parametrize("text", ["", "1,5", "abc", "1.005", "--1", "1e3", "NaN"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|finer"):
        parse_minor(text, "USD")


def test_weights_must_be_given_and_not_negative() -> None:
    with pytest.raises(ValueError, match="weights"):
        split(1, [])
    with pytest.raises(ValueError, match="weights"):
        split(1, [1, -1])


@pytest.mark.parametrize(("currency", "step"), [("KWD", 10), ("USD", 1), ("JPY", 1)])
def test_cards_settle_two_decimals_at_most(currency: str, step: int) -> None:
    assert settled_step(currency) == step


def test_what_cards_do_not_settle_is_left_out() -> None:
    assert [payable(amount, "KWD") for amount in (3_333, 3_330, 9, 0)] == [3_330, 3_330, 0, 0]
    assert payable(3_333, "USD") == 3_333
