"""A link opens the order it was made for, and no other."""

from hypothesis import given
from hypothesis import strategies as st

from domain.order_link import order_of, order_token

IDS = st.from_regex(r"[a-z0-9]{1,20}-[A-Za-z0-9._-]{1,64}", fullmatch=True)


@given(IDS, st.text(min_size=1))
def test_a_link_opens_its_own_order(order_id: str, secret: str) -> None:
    assert order_of(order_token(order_id, secret), [secret]) == order_id


@given(IDS, IDS)
def test_a_proof_is_of_no_use_for_another_order(one: str, other: str) -> None:
    proof = order_token(one, "secret").rpartition("~")[2]
    assert order_of(f"{other}~{proof}", ["secret"]) == (other if one == other else None)


@given(st.text())
def test_no_other_text_opens_anything(token: str) -> None:
    assert order_of(token, ["secret"]) is None


def test_a_replaced_secret_is_good_for_as_long_as_it_is_listed() -> None:
    token = order_token("shop-1", "old")
    assert order_of(token, ["new", "old"]) == "shop-1"
    assert order_of(token, ["new"]) is None
    assert order_of(token, []) is None


def test_a_link_needs_no_escaping() -> None:
    assert order_token("shop-1.a_b", "secret").startswith("shop-1.a_b~")
