"""A document becomes an order, or everything that is wrong with it is said."""

from typing import Any

import pytest

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
    ],
)
def test_each_fault_is_named(change: dict[str, Any], said: str) -> None:
    assert said in problems(**change)


def test_all_faults_are_said_at_once() -> None:
    said = problems(channel="?", currency="x", lines=[])
    assert all(place in said for place in ("channel", "currency", "lines"))
