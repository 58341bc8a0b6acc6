"""The score rises with every fact that speaks against an order, and its points explain it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fraud import DISPOSABLE_DOMAINS, Facts, is_disposable, points, read_policy, score

COUNTS = st.integers(0, 50)
FACTS = st.builds(
    Facts,
    total_minor=st.integers(0, 10**9),
    large_minor=st.none() | st.integers(1, 10**8),
    orders_of_customer=COUNTS,
    orders_to_address=COUNTS,
    is_first_order=st.booleans(),
    countries_differ=st.booleans(),
    mail_is_disposable=st.booleans(),
    external_score=st.none() | st.integers(0, 100),
)


@given(FACTS)
def test_a_score_is_the_sum_of_its_points_within_bounds(facts: Facts) -> None:
    assert 0 <= score(facts) <= 100
    assert score(facts) >= min(sum(points(facts).values()), 100)
    assert all(added > 0 for added in points(facts).values())


@given(FACTS, st.integers(0, 10**9))
def test_more_of_anything_never_lowers_the_score(facts: Facts, more: int) -> None:
    few = more % 20
    for name, value in (
        ("total_minor", facts.total_minor + more),
        ("orders_of_customer", facts.orders_of_customer + few),
        ("orders_to_address", facts.orders_to_address + few),
        ("is_first_order", True),
        ("countries_differ", True),
        ("mail_is_disposable", True),
        ("external_score", min((facts.external_score or 0) + few, 100)),
    ):
        assert score(replace(facts, **{name: value})) >= score(facts), name


@given(FACTS)
def test_the_facts_alone_decide(facts: Facts) -> None:
    assert score(replace(facts)) == score(facts)
    assert score(replace(facts, external_score=100)) == 100


def test_an_ordinary_first_order_is_harmless() -> None:
    assert score(Facts(5_000, large_minor=50_000, is_first_order=True)) == 10


def test_a_first_large_order_from_a_disposable_mailbox_is_not() -> None:
    facts = Facts(60_000, large_minor=50_000, is_first_order=True, mail_is_disposable=True)
    assert points(facts) == {"amount": 25, "first_order": 10, "disposable_mail": 30}
    assert score(facts) == 65


@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("a@mailinator.com", True),
        ("a@MAILINATOR.COM.", True),
        ("a@eu.mailinator.com", True),
        ("a@notmailinator.com", False),
        ("mailinator.com@example.com", False),
        ("a@example", False),
    ],
)
def test_a_disposable_mailbox_is_known_by_its_domain(email: str, *, found: bool) -> None:
    assert is_disposable(email) is found


def test_the_list_of_domains_is_written_as_it_is_compared() -> None:
    assert all(domain == domain.lower() and "." in domain for domain in DISPOSABLE_DOMAINS)


def test_a_channel_without_a_policy_scores_nothing() -> None:
    assert read_policy(None) is None
    policy = read_policy({"review_from": 50})
    assert policy is not None
    assert (policy.review_from, policy.large_minor) == (50, {})
