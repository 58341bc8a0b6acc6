"""What the benchmark sells, and the plain order it sells again and again."""

from dataclasses import replace
from typing import Any, Final

from workers.local.demo.plan import Product, Setup, StockLevel
from workers.local.demo.shipped_set import plan_shipped

CHANNEL: Final = "shop"
# Enough articles that no two orders in hand wait for the same row.
SKUS: Final = 500
PLENTY: Final = 1_000_000
UNIT_MINOR: Final = 1_000
SHIPPING_MINOR: Final = 500


def bench_setup() -> Setup:
    """The shipped set-up, with stock of everything in one warehouse: one order is one shipment."""
    shipped = plan_shipped().setup
    near = shipped.locations[0].location
    skus = [_sku(number) for number in range(SKUS)]
    return replace(
        shipped,
        products=tuple(Product(sku, sku, 500, 200, 150, 50) for sku in skus),
        stock=tuple(StockLevel(near, sku, PLENTY) for sku in skus),
        store_credits=(),
    )


def _sku(article: int) -> str:
    return f"BENCH-{article % SKUS:04}"


def plain_order(name: str, article: int) -> dict[str, Any]:
    """One unit of one article, paid by card, shipped from one place; each by another customer."""
    street = f"{article % SKUS + 1} Montgomery Street"
    return {
        "channel": CHANNEL,
        "external_id": name,
        "placed_at": "2026-01-02T10:00:00Z",
        "currency": "USD",
        "locale": "en",
        "customer": {"name": "Ada Example", "email": f"{name}@example.com", "phone": None},
        "ship_to": {
            "name": "Ada Example", "line1": street, "line2": None,
            "city": "San Francisco", "region": "CA", "postal_code": "94104", "country": "US",
            "latitude": 37.79, "longitude": -122.4,
        },
        "lines": [{"sku": _sku(article), "quantity": 1, "unit_price_minor": UNIT_MINOR}],
        "charges": [{"kind": "shipping", "amount_minor": SHIPPING_MINOR}],
        "tenders": [
            {
                "kind": "card",
                "amount_minor": UNIT_MINOR + SHIPPING_MINOR,
                "reference": "pm_card_visa",
            }
        ],
    }  # fmt: skip
