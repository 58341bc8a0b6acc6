"""The steps of a return lead to an end, and its two axes are derived from its units."""

import pytest

from domain.returning.states import (
    BEFORE,
    FINAL,
    Acceptance,
    Counts,
    Reception,
    acceptance,
    may_follow,
    reception,
)


def test_every_state_leads_to_the_end() -> None:
    ends = set(FINAL)
    while more := {s for end in ends for s in BEFORE.get(end, ())} - ends:
        ends |= more
    assert ends == {"requested", *BEFORE}


def test_a_closed_return_goes_nowhere() -> None:
    assert not any(may_follow(state, "closed") for state in BEFORE)


@pytest.mark.parametrize(
    ("received", "is_over", "wanted"),
    [
        (0, False, Reception.AWAITED),
        (1, False, Reception.PARTLY_RECEIVED),
        (2, False, Reception.RECEIVED),
        (1, True, Reception.SHORT),
        (0, True, Reception.NEVER_ARRIVED),
    ],
)
def test_reception_is_told_by_what_came(
    received: int,
    is_over: bool,  # noqa: FBT001 - a parameter of the test
    wanted: Reception,
) -> None:
    assert reception([Counts(2, received)], is_kept=False, is_over=is_over) is wanted


def test_nothing_is_awaited_of_goods_that_are_kept() -> None:
    assert reception([Counts(2)], is_kept=True, is_over=False) is Reception.NOT_EXPECTED


def test_acceptance_is_told_by_what_was_found() -> None:
    assert acceptance([Counts(2, 2)]) is Acceptance.PENDING
    assert acceptance([Counts(2, 2, 2)]) is Acceptance.ACCEPTED
    assert acceptance([Counts(2, 2, 1, 1)]) is Acceptance.PARTLY_ACCEPTED
    assert acceptance([Counts(2, 2, 0, 2)]) is Acceptance.REJECTED
