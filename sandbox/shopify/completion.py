"""Completes a REST-shaped order: what a seed leaves out is filled in as a shop would hold it."""

import secrets
from decimal import Decimal
from typing import Any, Final

from sandbox.shopify.money import amount, money_set, rest
from sandbox.store import Tx

Json = dict[str, Any]

ZERO: Final = Decimal(0)
# Above the ids of fixtures, below 2**53, where JavaScript and some JSON readers begin to round.
FIRST_ID: Final = 5_000_000_000_000
ID_SPAN: Final = 1_000_000_000_000

NOTHING: Final = (
    "app_id", "browser_ip", "cancel_reason", "cancelled_at", "cart_token", "checkout_token",
    "client_details", "closed_at", "confirmation_number", "current_total_additional_fees_set",
    "current_total_duties_set", "device_id", "fulfillment_status", "landing_site",
    "landing_site_ref", "location_id", "merchant_of_record_app_id", "note",
    "original_total_additional_fees_set", "original_total_duties_set", "payment_terms", "phone",
    "po_number", "reference", "referring_site", "source_identifier", "source_url", "user_id",
)  # fmt: skip
LISTS: Final = (
    "discount_applications", "discount_codes", "fulfillments", "line_item_groups",
    "note_attributes", "refunds", "returns", "shipping_lines", "tax_lines",
)  # fmt: skip
ADDRESS: Final = (
    "first_name", "last_name", "name", "company", "address1", "address2", "city", "province",
    "province_code", "zip", "country", "country_code", "phone", "latitude", "longitude",
)  # fmt: skip


def shop_id() -> int:
    return FIRST_ID + secrets.randbelow(ID_SPAN)


def gid(kind: str, key: int | str) -> str:
    return f"gid://shopify/{kind}/{key}"


def complete(tx: Tx, given: Json) -> Json:
    """Raises: BadAmount, KeyError, TypeError for what cannot be an order."""
    key = int(given.get("id") or shop_id())
    currency = str(given.get("currency") or "USD").upper()
    now = tx.clock.iso(tx.now)
    number = int(given.get("order_number") or key % 1_000_000)
    order: Json = {
        **dict.fromkeys(NOTHING),
        **{name: [] for name in LISTS},
        "id": key,
        "admin_graphql_api_id": gid("Order", key),
        "buyer_accepts_marketing": False,
        "confirmed": True,
        "contact_email": given.get("email"),
        "created_at": now,
        "processed_at": given.get("created_at") or now,
        "currency": currency,
        "presentment_currency": currency,
        "customer_locale": "en",
        "duties_included": False,
        "email": None,
        "estimated_taxes": False,
        "financial_status": "paid",
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "name": f"#{number}",
        "number": number,
        "order_number": number,
        "order_status_url": f"https://shop.example/{key}/orders/authenticate",
        "payment_gateway_names": ["bogus"],
        "source_name": "web",
        "tags": "",
        "tax_exempt": False,
        "taxes_included": False,
        "test": True,
        "token": f"{key:x}",
        "total_weight": 0,
        **given,
        "updated_at": now,
    }
    order["line_items"] = [_line(line, currency) for line in given["line_items"]]
    order["shipping_lines"] = [_shipping(line, currency) for line in order["shipping_lines"]]
    order["tax_lines"] = _taxes(order["tax_lines"], currency)
    for name in ("shipping_address", "billing_address"):
        address = given.get(name) or given.get("shipping_address")
        order[name] = _address(address) if address else None
    order["customer"] = _customer(order, now)
    return {**_totals(order, currency), **order}


def _line(given: Json, currency: str) -> Json:
    key = int(given.get("id") or shop_id())
    quantity = given["quantity"]
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise TypeError("a quantity is a whole number")
    price = rest(amount(given["price"]), currency)
    line: Json = {
        "id": key,
        "admin_graphql_api_id": gid("LineItem", key),
        "attributed_staffs": [],
        "current_quantity": quantity,
        "fulfillable_quantity": quantity,
        "fulfillment_service": "manual",
        "fulfillment_status": None,
        "gift_card": False,
        "grams": 0,
        "name": given.get("title") or given.get("sku") or "Item",
        "product_exists": True,
        "product_id": None,
        "properties": [],
        "requires_shipping": True,
        "sales_line_item_group_id": None,
        "sku": None,
        "taxable": True,
        "title": given.get("name") or given.get("sku") or "Item",
        "variant_id": None,
        "variant_inventory_management": None,
        "variant_title": None,
        "vendor": None,
        "duties": [],
        **given,
        "price": price,
    }
    line["price_set"] = given.get("price_set") or money_set(price, currency)
    line["tax_lines"] = _taxes(given.get("tax_lines") or [], currency)
    line["discount_allocations"] = _discounts(given.get("discount_allocations") or [], currency)
    discount = rest(amount(given.get("total_discount") or ZERO), currency)
    line["total_discount"] = discount
    line["total_discount_set"] = money_set(discount, currency)
    return line


def _shipping(given: Json, currency: str) -> Json:
    price = rest(amount(given.get("price") or ZERO), currency)
    discounts = _discounts(given.get("discount_allocations") or [], currency)
    off = sum((amount(discount["amount"]) for discount in discounts), ZERO)
    reduced = rest(amount(price) - off, currency)
    return {
        "id": shop_id(),
        "carrier_identifier": None,
        "code": given.get("title") or "Standard",
        "current_discounted_price_set": money_set(reduced, currency),
        "discounted_price": reduced,
        "discounted_price_set": money_set(reduced, currency),
        "is_removed": False,
        "phone": None,
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": "Standard",
        **given,
        "price": price,
        "price_set": given.get("price_set") or money_set(price, currency),
        "tax_lines": _taxes(given.get("tax_lines") or [], currency),
        "discount_allocations": discounts,
    }


def _taxes(given: list[Json], currency: str) -> list[Json]:
    return [
        {
            "channel_liable": False,
            "rate": 0.0,
            "title": "Tax",
            **tax,
            "price": rest(amount(tax["price"]), currency),
            "price_set": tax.get("price_set")
            or money_set(rest(amount(tax["price"]), currency), currency),
        }
        for tax in given
    ]


def _discounts(given: list[Json], currency: str) -> list[Json]:
    return [
        {
            "discount_application_index": 0,
            **discount,
            "amount": rest(amount(discount["amount"]), currency),
            "amount_set": discount.get("amount_set")
            or money_set(rest(amount(discount["amount"]), currency), currency),
        }
        for discount in given
    ]


def _address(given: Json) -> Json:
    first, _, last = str(given.get("name") or "").partition(" ")
    address = {**dict.fromkeys(ADDRESS), "first_name": first, "last_name": last, **given}
    if not address["name"]:
        names = (address["first_name"], address["last_name"])
        address["name"] = " ".join(name for name in names if name)
    return {name: address[name] for name in ADDRESS}


def _customer(order: Json, now: str) -> Json | None:
    given = order.get("customer")
    address = order["shipping_address"] or {}
    if given is None and not order["email"] and not address:
        return None
    key = int((given or {}).get("id") or shop_id())
    return {
        "id": key,
        "admin_graphql_api_id": gid("Customer", key),
        "created_at": now,
        "updated_at": now,
        "first_name": address.get("first_name"),
        "last_name": address.get("last_name"),
        "state": "disabled",
        "note": None,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": order["email"],
        "phone": None,
        "currency": order["currency"],
        "tax_exemptions": [],
        "default_address": _default_address(key, address) if address else None,
        **(given or {}),
    }


def _default_address(customer: int, address: Json) -> Json:
    place = {name: address[name] for name in ADDRESS if name not in ("latitude", "longitude")}
    country = address["country"]
    return {
        **place, "id": shop_id(), "customer_id": customer, "country_name": country, "default": True
    }  # fmt: skip


def _totals(order: Json, currency: str) -> Json:
    """What the parts add up to; the seed's own totals win over these."""
    lines = sum((amount(line["price"]) * line["quantity"] for line in order["line_items"]), ZERO)
    shipping = sum((amount(line["price"]) for line in order["shipping_lines"]), ZERO)
    priced = (*order["line_items"], *order["shipping_lines"])
    tax = sum((amount(tax["price"]) for part in priced for tax in part["tax_lines"]), ZERO)
    off = sum((amount(d["amount"]) for part in priced for d in part["discount_allocations"]), ZERO)
    tip = amount(order.get("total_tip_received") or ZERO)
    added = ZERO if order["taxes_included"] else tax
    sums = {
        "total_line_items_price": lines,
        "subtotal_price": lines - off,
        "current_subtotal_price": lines - off,
        "total_discounts": off,
        "current_total_discounts": off,
        "total_tax": tax,
        "current_total_tax": tax,
        "total_price": lines - off + shipping + added + tip,
        "current_total_price": lines - off + shipping + added + tip,
        "total_shipping_price": shipping,
        "current_shipping_price": shipping,
        "total_cash_rounding_payment_adjustment": ZERO,
        "total_cash_rounding_refund_adjustment": ZERO,
    }
    texts = {name: rest(amount(order.get(name) or value), currency) for name, value in sums.items()}
    sets = {f"{name}_set": money_set(text, currency) for name, text in texts.items()}
    plain = {name: text for name, text in texts.items() if name not in SETS_ONLY}
    open_amount = ZERO if order["financial_status"] == "paid" else amount(texts["total_price"])
    rest_of = {
        "total_outstanding": rest(open_amount, currency),
        "total_tip_received": rest(tip, currency),
    }
    return {**plain, **sets, **rest_of}


SETS_ONLY: Final = frozenset(
    {
        "total_shipping_price", "current_shipping_price",
        "total_cash_rounding_payment_adjustment", "total_cash_rounding_refund_adjustment",
    }
)  # fmt: skip
