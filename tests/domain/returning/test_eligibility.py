"""Which goods may come back: every rule says its word, and the first refusal counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.returning.eligibility import (
    CONDITIONS,
    REASONS,
    Decision,
    Verdict,
    Wish,
    judge,
    judge_all,
)
from domain.returning.policy import DEFAULT, ReturnPolicy, read_policy, window_days

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WISH = Wish(
    line_no=1, quantity=1, reason="unwanted", condition="opened", category="shoes", country="DE",
    shipped=2, spoken_for=0, arrived_at=NOW - timedelta(days=10), worth_minor=1_000,
    source="customer",
)  # fmt: skip
STRICT = ReturnPolicy(
    window_days=14,
    window_days_by_category={"shoes": 60},
    window_days_by_country={"DE": 30},
    final_sale=frozenset({"underwear"}),
    refused_conditions=frozenset({"damaged"}),
    review_above_minor=5_000,
)


@pytest.mark.parametrize(
    ("changes", "decision", "reason"),
    [
        ({}, "allow", None),
        ({"shipped": 0}, "refuse", "not_shipped"),
        ({"quantity": 3}, "refuse", "more_than_shipped"),
        ({"spoken_for": 2}, "refuse", "already_returned"),
        ({"category": "underwear"}, "refuse", "final_sale"),
        ({"category": "underwear", "reason": "defective"}, "allow", None),
        ({"arrived_at": NOW - timedelta(days=61)}, "refuse", "window_over"),
        ({"arrived_at": NOW - timedelta(days=61), "source": "staff"}, "review", "window_over"),
        ({"arrived_at": NOW - timedelta(days=61), "source": "channel"}, "allow", None),
        ({"arrived_at": None}, "allow", None),
        ({"condition": "damaged"}, "refuse", "condition"),
        ({"condition": "used"}, "review", "condition"),
        ({"condition": "used", "reason": "defective"}, "allow", None),
        ({"worth_minor": 5_001}, "review", "value"),
    ],
)
def test_each_rule_says_its_word(
    changes: dict[str, object], decision: str, reason: str | None
) -> None:
    wish = replace(WISH, **changes)  # type: ignore[arg-type]
    assert judge(wish, STRICT, NOW) == Verdict(Decision(decision), reason)


def test_a_category_goes_before_a_country_and_a_country_before_the_rest() -> None:
    assert window_days(STRICT, "shoes", "DE") == 60
    assert window_days(STRICT, "hats", "DE") == 30
    assert window_days(STRICT, None, "FR") == 14


def test_a_marketplace_that_decides_is_asked_and_never_contradicted() -> None:
    policy = replace(STRICT, channel_decides=True)
    assert judge(WISH, policy, NOW).reason == "channel_decides"
    mandated = replace(WISH, source="channel", condition="damaged")
    assert judge(mandated, policy, NOW).decision is Decision.ALLOW
    too_many = replace(mandated, quantity=3)
    assert judge(too_many, policy, NOW).decision is Decision.REFUSE


def test_a_policy_says_only_what_differs() -> None:
    assert read_policy({}) == DEFAULT
    read = read_policy({"window_days": 5, "final_sale": ["a"], "unknown": 1})
    assert (read.window_days, read.final_sale) == (5, frozenset({"a"}))


wishes = st.builds(
    Wish,
    line_no=st.just(1),
    quantity=st.integers(1, 5),
    reason=st.sampled_from(sorted(REASONS)),
    condition=st.sampled_from(sorted(CONDITIONS)),
    category=st.sampled_from([None, "shoes", "underwear"]),
    country=st.sampled_from(["DE", "FR"]),
    shipped=st.integers(0, 5),
    spoken_for=st.integers(0, 5),
    arrived_at=st.none() | st.integers(0, 90).map(lambda days: NOW - timedelta(days=days)),
    worth_minor=st.integers(0, 10_000),
    source=st.sampled_from(["customer", "staff", "channel"]),
)


@given(wishes)
def test_whoever_asks_no_unit_comes_back_twice(wish: Wish) -> None:
    if wish.quantity > wish.shipped - wish.spoken_for:
        assert judge(wish, STRICT, NOW).decision is Decision.REFUSE


@given(st.lists(wishes, max_size=4))
def test_a_return_is_as_strict_as_its_strictest_line(lines: list[Wish]) -> None:
    verdicts = [judge(line, STRICT, NOW) for line in lines]
    decisions = {verdict.decision for verdict in verdicts}
    whole = judge_all(verdicts).decision
    strictest = [d for d in (Decision.REFUSE, Decision.REVIEW) if d in decisions]
    assert whole is (strictest[0] if strictest else Decision.ALLOW)
