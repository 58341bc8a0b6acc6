"""What is written in a brand's colours can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brand import LEAST_CONTRAST, Colors, contrast, mixed, unreadable

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_black_on_white_is_the_highest_contrast_and_a_colour_on_itself_has_none() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


def test_the_colours_without_a_brand_can_be_read() -> None:
    assert unreadable(Colors()) == []


def test_each_pair_that_cannot_be_read_is_named() -> None:
    pale = Colors(accent="#ffff00", on_accent="#ffffff", surface="#777777", ink="#ffffff")
    assert unreadable(pale) == ["on_accent on accent is 1.1:1", "ink on surface is 4.5:1"]


@given(COLORS, COLORS)
def test_contrast_has_no_direction_and_black_or_white_can_be_read_on_anything(
    one: str, other: str
) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21
    assert max(contrast(one, "#000000"), contrast(one, "#ffffff")) >= LEAST_CONTRAST


@given(COLORS, COLORS)
def test_a_mixture_begins_and_ends_with_its_parts(one: str, other: str) -> None:
    assert mixed(one, other, 0) == one
    assert mixed(one, other, 100) == other
