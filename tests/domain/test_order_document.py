"""A document becomes an order, or everything that is wrong with it is said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order import InvalidDocument, read_document


def document(**changes: Any) -> dict[str, Any]:
    return {
        "channel": "shop", "external_id": "1", "placed_at": "2026-01-02T10:00:00Z",
        "currency": "USD", "customer": {"name": "A", "email": "a@example.com"},
        "ship_to": {"name": "A", "line1": "S 1", "city": "C", "postal_code": "1", "country": "US"},
        "lines": [{"sku": "x", "quantity": 2, "unit_price_minor": 100}],
        "charges": [{"kind": "shipping", "amount_minor": 50}],
        "tenders": [{"kind": "card", "amount_minor": 250, "reference": "pm"}],
    } | changes  # fmt: skip


def problems(**changes: Any) -> str:
    with pytest.raises(InvalidDocument) as refused:
        read_document(document(**changes))
    return "; ".join(refused.value.problems)


def test_a_good_document_is_read() -> None:
    order = read_document(document())
    assert (order.order_id, order.total_minor, order.demand()) == ("shop-1", 250, {"x": 2})


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", True, None, 10**9])
def test_a_quantity_is_a_positive_whole_number(quantity: object) -> None:
    line = {"sku": "x", "quantity": quantity, "unit_price_minor": 100}
    assert "lines[1].quantity" in problems(lines=[line])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel": "No Channel"}, "channel"),
        ({"external_id": "a/b"}, "external_id"),
        ({"currency": "usd"}, "currency"),
        ({"placed_at": "yesterday"}, "placed_at"),
        ({"placed_at": "2026-01-02T10:00:00"}, "placed_at"),
        ({"lines": []}, "lines: an order needs at least one"),
        ({"lines": "x"}, "lines"),
        ({"lines": [3]}, "lines: each must be an object"),
        ({"customer": None}, "customer.email"),
        ({"ship_to": {}}, "ship_to.country"),
        ({"tenders": [{"kind": "gold", "amount_minor": 250, "reference": "x"}]}, "tenders[1].kind"),
        ({"tenders": []}, "tenders: they sum to 0, the order to 250"),
        ({"charges": [{"kind": "discount", "amount_minor": -900}]}, "discounts exceed"),
        ({"customer": {"name": "A\0", "email": "a@example.com"}}, "customer.name"),
        ({"customer": {"name": "A\ud800", "email": "a@example.com"}}, "customer.name"),
        ({"customer": {"name": "  ", "email": "a@example.com"}}, "customer.name"),
        ({"customer": {"name": "A", "email": "a b@example.com"}}, "customer.email"),
        ({"customer": {"name": "A" * 501, "email": "a@example.com"}}, "customer.name"),
        ({"customer": ["A"]}, "customer.name"),
        ({"locale": 5}, "locale"),
        ({"ship_to": "here"}, "ship_to.line1"),
        ({"external_id": "x" * 65}, "external_id"),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, "placed_at"),
        ({"placed_at": "9999-12-31T23:59:59-14:00"}, "placed_at"),
        ({"placed_at": 1_700_000_000}, "placed_at"),
        ({"lines": [{"sku": "x", "quantity": 1, "unit_price_minor": 1}] * 501}, "at most 500"),
        ({"lines": [{"quantity": 1}]}, "lines[1].sku"),
        ({"charges": {}}, "charges: a list"),
        ({"charges": [{"kind": "shipping", "amount_minor": -1}]}, "charges[1].amount_minor"),
        ({"charges": [{"kind": "discount", "amount_minor": 1}]}, "charges[1].amount_minor"),
        ({"charges": [{"kind": ["tax"], "amount_minor": 1}]}, "charges[1].kind"),
        ({"tenders": [{"kind": {}, "amount_minor": 250, "reference": "x"}]}, "tenders[1].kind"),
        ({"tenders": [{"kind": "card", "amount_minor": 250}]}, "tenders[1].reference"),
        ({"tenders": [{"kind": "card", "reference": "x"}]}, "tenders[1].amount_minor"),
        ({"delivery": "pickup"}, "pickup_location"),
        ({"delivery": "drone"}, "delivery"),
        ({"delivery": ["pickup"], "pickup_location": "corner"}, "delivery"),
        ({"pickup_location": "corner"}, "delivery"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], said: str) -> None:
    assert said in problems(**change)


@pytest.mark.parametrize("name", ["unit_price_minor", "tax_minor", "discount_minor"])
@pytest.mark.parametrize("amount", [-1, 1.0, "1", True, None, 10**11 + 1])
def test_an_amount_is_a_whole_number_of_minor_units(name: str, amount: object) -> None:
    line = {"sku": "x", "quantity": 2, "unit_price_minor": 100} | {name: amount}
    assert f"lines[1].{name}" in problems(lines=[line])


def test_a_discount_above_the_lines_value_is_refused() -> None:
    line = {"sku": "x", "quantity": 2, "unit_price_minor": 100, "discount_minor": 201}
    assert "lines[1].discount_minor: above the line's value" in problems(lines=[line])


@pytest.mark.parametrize(
    ("latitude", "known"),
    [(37.5, 37.5), (-90, -90.0), (91, None), (True, None), ("37.5", None), (float("nan"), None)],
)
def test_a_place_is_known_or_not_and_never_guessed(latitude: object, known: float | None) -> None:
    given = document()["ship_to"] | {"latitude": latitude, "longitude": 180}
    order = read_document(document(ship_to=given))
    assert (order.ship_to.latitude, order.ship_to.longitude) == (known, 180.0)


@pytest.mark.parametrize("email", ["a@[", "(@x", "a,b@c", "<>@x", "a@b;", '"@x', ",@x", "a@b\x07"])
def test_an_address_that_is_not_one_recipient_is_refused(email: str) -> None:
    assert "customer.email" in problems(customer={"name": "A", "email": email})


def test_an_order_is_sent_unless_it_is_to_be_collected() -> None:
    at_a_store = {"delivery": "pickup", "pickup_location": "corner"}
    assert read_document(document(**at_a_store)).pickup_location == "corner"
    for sent in ({}, {"delivery": "carrier"}, {"delivery": None, "pickup_location": None}):
        assert read_document(document(**sent)).pickup_location is None


def test_an_order_that_costs_nothing_needs_no_tender() -> None:
    free = {"sku": "x", "quantity": 1, "unit_price_minor": 0}
    order = read_document(document(lines=[free, free], charges=[], tenders=[]))
    assert (order.total_minor, order.demand()) == (0, {"x": 2})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("channel", "external_id", "placed_at", "currency", "locale", "customer", "ship_to",
          "lines", "charges", "tenders")  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_comes_is_an_order_or_refused(change: dict[str, Any]) -> None:
    try:
        order = read_document(document(**change))
    except InvalidDocument as refused:
        assert refused.problems  # noqa: PT017
    else:
        assert order.total_minor == sum(tender.amount_minor for tender in order.tenders)


@pytest.mark.parametrize("part", ["lines", "charges", "tenders"])
@given(data=st.data())
def test_whatever_a_part_holds_is_read_or_refused(part: str, data: st.DataObject) -> None:
    (item,) = document()[part]
    field = data.draw(st.sampled_from(sorted(item)))
    try:
        order = read_document(document(**{part: [item | {field: data.draw(JSON)}]}))
    except InvalidDocument as refused:
        assert refused.problems  # noqa: PT017
    else:
        assert order.total_minor == sum(tender.amount_minor for tender in order.tenders)


def test_all_faults_are_said_at_once() -> None:
    said = problems(channel="?", currency="x", lines=[])
    assert all(place in said for place in ("channel", "currency", "lines"))
