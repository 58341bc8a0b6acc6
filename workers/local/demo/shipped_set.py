"""Reads the set of orders that the project ships, and how each of them must end."""

import json
from pathlib import Path
from typing import Any, Final

from domain.address import Address
from workers.local.demo.plan import (
    Channel,
    Location,
    Plan,
    PlannedOrder,
    Product,
    Seller,
    Setup,
    StockLevel,
    StoreCredit,
    planned,
    units_of,
    vendor_due_minor,
)

FOLDER: Final = Path(__file__).with_name("shipped")
SHOPIFY_CHANNEL: Final = "shopify"
TENDERS_ATTRIBUTE: Final = "cauce_tenders"


def plan_shipped(count: int | None = None) -> Plan:
    """Plan the whole set, or its first orders; the shop's own and Shopify's take turns."""
    expected: dict[str, str] = _read("expected.json")
    placed = [planned_sale(document, expected) for document in _read("shopify_orders.json")]
    placed += [_planned(document, expected) for document in _read("api_orders.json")]
    placed.sort(key=lambda order: _number(order.external_id))
    orders = tuple(placed[:count])
    return Plan(
        setup=read_setup(_read("setup.json")),
        orders=orders,
        title=f"{len(orders)} orders of the shipped set",
    )


def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def _number(external_id: str) -> int:
    """Both channels number from one sequence; the last digits tell when an order was placed."""
    return int(external_id.rpartition("-")[2]) % 1_000_000


def _planned(document: dict[str, Any], expected: dict[str, str]) -> PlannedOrder:
    return planned(document, expected[f"{document['channel']}-{document['external_id']}"])


def planned_sale(document: dict[str, Any], expected: dict[str, str]) -> PlannedOrder:
    """Plan one of Shopify's documents; how it is paid stands in an attribute of the order."""
    external_id = str(document["id"])
    order_id = f"{SHOPIFY_CHANNEL}-{external_id}"
    attributes = {each["name"]: each["value"] for each in document["note_attributes"]}
    return PlannedOrder(
        order_id=order_id,
        channel=SHOPIFY_CHANNEL,
        external_id=external_id,
        way="shopify",
        document=document,
        currency=document["currency"],
        due_minor=vendor_due_minor(json.loads(attributes[TENDERS_ATTRIBUTE])),
        units=units_of(document["line_items"]),
        expected=frozenset({expected[order_id]}),
    )


def read_setup(raw: dict[str, Any]) -> Setup:
    return Setup(
        pools=tuple(raw["pools"]),
        locations=tuple(
            Location(**{**each, "address": Address(**each["address"])}) for each in raw["locations"]
        ),
        channels=tuple(
            Channel(**{**each, "currencies": tuple(each["currencies"])}) for each in raw["channels"]
        ),
        products=tuple(Product(**each) for each in raw["products"]),
        stock=tuple(StockLevel(**each) for each in raw["stock"]),
        store_credits=tuple(StoreCredit(**each) for each in raw["store_credits"]),
        sellers=tuple(
            Seller(**{**each, "legal_lines": tuple(each["legal_lines"])}) for each in raw["sellers"]
        ),
    )
