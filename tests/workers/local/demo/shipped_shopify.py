"""A canonical order written as Shopify tells it in its webhooks (REST's JSON, 2026-07)."""

import json
from typing import TYPE_CHECKING, Any

from domain.money import format_minor
from tests.workers.local.demo import shipped_world as world

if TYPE_CHECKING:
    from tests.workers.local.demo.make_shipped import Sale

Json = dict[str, Any]
COUNTRIES = {
    "US": "United States", "CA": "Canada", "MX": "Mexico", "DE": "Germany", "FR": "France",
    "ES": "Spain", "NL": "Netherlands", "PT": "Portugal", "IT": "Italy", "BR": "Brazil",
    "JP": "Japan",
}  # fmt: skip
ARTICLES = {a.sku: a for a in (*world.ARTICLES, world.POSTER, world.WINTER)}
TAX_NAME = {"US": "Sales tax"}
# What the price holds already, in percent, where taxes are included.
TAX_WITHIN = {"DE": 19, "FR": 20, "ES": 21, "NL": 21, "PT": 23, "IT": 22, "JP": 10}


def document(sale: "Sale", canonical: Json) -> Json:
    currency, person = canonical["currency"], sale.person
    order_id = int(canonical["external_id"])
    lines = [_line(sale, line, order_id, n) for n, line in enumerate(canonical["lines"])]
    goods = sum(line["quantity"] * line["unit_price_minor"] for line in canonical["lines"])
    discount = sum(line["discount_minor"] for line in canonical["lines"])
    added = sum(line["tax_minor"] for line in canonical["lines"])
    shipping = canonical["charges"][0]["amount_minor"]
    total = goods - discount + added + shipping
    tax = sum(_tax(sale, line) for line in canonical["lines"])
    address = _address(sale, canonical["ship_to"])
    at = sale.placed_at.isoformat()
    return {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "name": f"#{sale.number}",
        "number": sale.number - 1000,
        "order_number": sale.number,
        "created_at": at,
        "processed_at": at,
        "updated_at": at,
        "cancelled_at": None,
        "closed_at": None,
        "confirmed": True,
        "test": False,
        "source_name": "web",
        "currency": currency,
        "presentment_currency": currency,
        "customer_locale": person.locale,
        "email": person.email,
        "contact_email": person.email,
        "phone": None,
        "financial_status": "pending",
        "fulfillment_status": None,
        "payment_gateway_names": [
            world.GATEWAYS.get(tender["kind"], "manual") for tender in canonical["tenders"]
        ],
        "note": None,
        "note_attributes": [
            {"name": "cauce_tenders", "value": json.dumps(canonical["tenders"])},
        ],
        "tags": "",
        "taxes_included": person.country != "US",
        "duties_included": False,
        "total_line_items_price": format_minor(goods, currency),
        "total_discounts": format_minor(discount, currency),
        "subtotal_price": format_minor(goods - discount, currency),
        "total_shipping_price_set": _both(shipping, currency),
        "total_tax": format_minor(tax, currency),
        "total_tip_received": "0.00",
        "total_price": format_minor(total, currency),
        "total_price_set": _both(total, currency),
        "total_weight": sum(line["grams"] * line["quantity"] for line in lines),
        "discount_codes": _discount_codes(sale, discount, currency),
        "customer": _customer(sale),
        "billing_address": address,
        "shipping_address": address,
        "line_items": lines,
        "shipping_lines": [_shipping_line(order_id, shipping, currency)],
    }


def _shipping_line(order_id: int, price_minor: int, currency: str) -> Json:
    return {
        "id": order_id * 10 + 9,
        "title": "Standard",
        "code": "STANDARD",
        "source": "shopify",
        "price": format_minor(price_minor, currency),
        "discounted_price": format_minor(price_minor, currency),
        "is_removed": False,
        "tax_lines": [],
        "discount_allocations": [],
    }


def _line(sale: "Sale", line: Json, order_id: int, position: int) -> Json:
    article, currency = ARTICLES[line["sku"]], sale.person.currency
    line_id = order_id * 10 + position
    tax, discount = _tax(sale, line), line["discount_minor"]
    return {
        "id": line_id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}",
        "sku": article.sku,
        "title": article.title,
        "name": article.title,
        "variant_title": None,
        "vendor": "Cauce Coffee",
        "quantity": line["quantity"],
        "current_quantity": line["quantity"],
        "fulfillable_quantity": line["quantity"],
        "fulfillment_status": None,
        "grams": article.weight_g,
        "price": format_minor(line["unit_price_minor"], currency),
        "total_discount": "0.00",
        "requires_shipping": True,
        "gift_card": False,
        "taxable": True,
        "discount_allocations": [
            {
                "amount": format_minor(discount, currency),
                "amount_set": _both(discount, currency),
                "discount_application_index": 0,
            }
        ]
        if discount
        else [],
        "tax_lines": [
            {
                "title": TAX_NAME.get(sale.person.country, "VAT"),
                "price": format_minor(tax, currency),
                "price_set": _both(tax, currency),
                "rate": _rate(sale) / 100,
            }
        ]
        if tax
        else [],
    }


def _rate(sale: "Sale") -> int:
    return 7 if sale.person.country == "US" else TAX_WITHIN.get(sale.person.country, 0)


def _tax(sale: "Sale", line: Json) -> int:
    """On top in the States, else as a part of the price."""
    if sale.person.country == "US":
        tax: int = line["tax_minor"]
        return tax
    paid = line["quantity"] * line["unit_price_minor"] - line["discount_minor"]
    rate = _rate(sale)
    return int(paid * rate // (100 + rate))


def _both(amount_minor: int, currency: str) -> Json:
    money = {"amount": format_minor(amount_minor, currency), "currency_code": currency}
    return {"shop_money": money, "presentment_money": money}


def _discount_codes(sale: "Sale", discount: int, currency: str) -> list[Json]:
    if not discount:
        return []
    code = f"SPRING{sale.discount_percent}"
    return [{"code": code, "amount": format_minor(discount, currency), "type": "percentage"}]


def _customer(sale: "Sale") -> Json:
    person = sale.person
    number = 7_310_000_000_000 + world.PEOPLE.index(person)
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Customer/{number}",
        "email": person.email,
        "first_name": person.first,
        "last_name": person.last,
        "phone": None,
    }


def _address(sale: "Sale", ship_to: Json) -> Json:
    return {
        "first_name": sale.person.first,
        "last_name": sale.person.last,
        "name": ship_to["name"],
        "company": None,
        "address1": ship_to["line1"],
        "address2": None,
        "city": ship_to["city"],
        "zip": ship_to["postal_code"],
        "province": None,
        "province_code": ship_to["region"],
        "country": COUNTRIES[ship_to["country"]],
        "country_code": ship_to["country"],
        "phone": None,
        "latitude": ship_to["latitude"],
        "longitude": ship_to["longitude"],
    }
