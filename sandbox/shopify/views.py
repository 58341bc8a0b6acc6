"""Shows REST-shaped orders as the GraphQL schema has them, field for field as far as we go."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.shopify.completion import gid
from sandbox.shopify.execute import PAGING, Field, Node, listed
from sandbox.shopify.fulfillments import FULFILLMENT
from sandbox.shopify.money import amount, graph, money_set
from sandbox.shopify.seeds import FULFILLMENT_ORDER
from sandbox.store import Tx

Json = dict[str, Any]

LOCATION: Final = {"id": gid("Location", 1), "name": "Sandbox warehouse"}
FULFILLED: Final = {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}
TRANSACTIONS: Final = {
    "paid": ("SALE", "SUCCESS"),
    "authorized": ("AUTHORIZATION", "SUCCESS"),
    "pending": ("SALE", "PENDING"),
    "voided": ("VOID", "SUCCESS"),
}


def moment(text: str | None) -> str | None:
    """`2026-11-22T10:00:00-05:00` becomes UTC with a Z."""
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def money_bag(rest_set: Json | None) -> Node | None:
    if rest_set is None:
        return None
    return Node(
        "MoneyBag",
        {
            "shopMoney": _money(rest_set["shop_money"]),
            "presentmentMoney": _money(rest_set["presentment_money"]),
        },
    )


def _money(rest_money: Json) -> Node:
    fields = {"amount": graph(rest_money["amount"]), "currencyCode": rest_money["currency_code"]}
    return Node("MoneyV2", fields)


def order(tx: Tx, doc: Json) -> Node:
    key = str(doc["id"])
    lines = {line["id"]: _line(line, doc["currency"]) for line in doc["line_items"]}
    shipping = [_shipping(line) for line in doc["shipping_lines"]]
    opened = Field(
        lambda args: listed(
            "FulfillmentOrder",
            [_fulfillment_order(tx, doc, each, lines) for each in tx.find(FULFILLMENT_ORDER, key)],
        ).read(args),
        (*PAGING, "displayable", "query"),
    )
    made = Field(
        lambda args: [
            fulfillment(each) for each in tx.find(FULFILLMENT, key)[: args.get("first") or None]
        ],
        ("first", "query"),
    )
    transactions = [_transaction(doc)]
    return Node(
        "Order",
        {
            **_order_facts(doc),
            **_order_sums(doc),
            "billingAddress": _address(doc["billing_address"], key),
            "shippingAddress": _address(doc["shipping_address"], key),
            "customer": _customer(doc["customer"]),
            "lineItems": listed("LineItem", list(lines.values())),
            "shippingLine": shipping[0] if shipping else None,
            "shippingLines": listed("ShippingLine", shipping),
            "taxLines": [_tax(tax) for tax in doc["tax_lines"]],
            "fulfillmentOrders": opened,
            "fulfillments": made,
            "transactions": Field(
                lambda args: transactions[: args.get("first") or None], ("first", "capturable")
            ),
        },
    )


def _order_facts(doc: Json) -> Json:
    attributes = [
        Node("Attribute", {"key": each["name"], "value": each["value"]})
        for each in doc["note_attributes"]
    ]
    return {
        "id": doc["admin_graphql_api_id"],
        "legacyResourceId": str(doc["id"]),
        "name": doc["name"],
        "number": doc["number"],
        "email": doc["email"],
        "phone": doc["phone"],
        "note": doc["note"],
        "tags": [tag.strip() for tag in doc["tags"].split(",") if tag.strip()],
        "test": doc["test"],
        "createdAt": moment(doc["created_at"]),
        "updatedAt": moment(doc["updated_at"]),
        "processedAt": moment(doc["processed_at"]),
        "cancelledAt": moment(doc["cancelled_at"]),
        "cancelReason": doc["cancel_reason"] and doc["cancel_reason"].upper(),
        "closedAt": moment(doc["closed_at"]),
        "closed": doc["closed_at"] is not None,
        "confirmed": doc["confirmed"],
        "currencyCode": doc["currency"],
        "presentmentCurrencyCode": doc["presentment_currency"],
        "customerLocale": doc["customer_locale"],
        "customAttributes": attributes,
        "displayFinancialStatus": doc["financial_status"].upper(),
        "displayFulfillmentStatus": FULFILLED[doc["fulfillment_status"]],
        "dutiesIncluded": doc["duties_included"],
        "taxesIncluded": doc["taxes_included"],
        "taxExempt": doc["tax_exempt"],
        "paymentGatewayNames": doc["payment_gateway_names"],
        "sourceName": doc["source_name"],
        "poNumber": doc["po_number"],
        "fullyPaid": doc["financial_status"] == "paid",
        "unpaid": doc["financial_status"] in ("pending", "authorized"),
        "requiresShipping": any(line["requires_shipping"] for line in doc["line_items"]),
        "subtotalLineItemsQuantity": sum(line["quantity"] for line in doc["line_items"]),
    }


def _order_sums(doc: Json) -> Json:
    currency = doc["currency"]
    paid = doc["total_price"] if doc["financial_status"] == "paid" else "0"
    return {
        "totalPriceSet": money_bag(doc["total_price_set"]),
        "currentTotalPriceSet": money_bag(doc["current_total_price_set"]),
        "originalTotalPriceSet": money_bag(doc["total_price_set"]),
        "subtotalPriceSet": money_bag(doc["subtotal_price_set"]),
        "currentSubtotalPriceSet": money_bag(doc["current_subtotal_price_set"]),
        "totalDiscountsSet": money_bag(doc["total_discounts_set"]),
        "currentTotalDiscountsSet": money_bag(doc["current_total_discounts_set"]),
        "totalTaxSet": money_bag(doc["total_tax_set"]),
        "currentTotalTaxSet": money_bag(doc["current_total_tax_set"]),
        "totalShippingPriceSet": money_bag(doc["total_shipping_price_set"]),
        "currentShippingPriceSet": money_bag(doc["current_shipping_price_set"]),
        "totalOutstandingSet": money_bag(money_set(doc["total_outstanding"], currency)),
        "totalReceivedSet": money_bag(money_set(paid, currency)),
        "totalRefundedSet": money_bag(money_set("0", currency)),
        "totalTipReceivedSet": money_bag(money_set(doc["total_tip_received"], currency)),
        "originalTotalDutiesSet": money_bag(doc["original_total_duties_set"]),
        "currentTotalDutiesSet": money_bag(doc["current_total_duties_set"]),
        "originalTotalAdditionalFeesSet": money_bag(doc["original_total_additional_fees_set"]),
        "currentTotalAdditionalFeesSet": money_bag(doc["current_total_additional_fees_set"]),
    }


def _line(line: Json, currency: str) -> Node:
    total = str(amount(line["price"]) * line["quantity"])
    return Node(
        "LineItem",
        {
            "id": line["admin_graphql_api_id"],
            "sku": line["sku"],
            "name": line["name"],
            "title": line["title"],
            "variantTitle": line["variant_title"],
            "vendor": line["vendor"],
            "quantity": line["quantity"],
            "currentQuantity": line["current_quantity"],
            "unfulfilledQuantity": line["fulfillable_quantity"],
            "requiresShipping": line["requires_shipping"],
            "taxable": line["taxable"],
            "isGiftCard": line["gift_card"],
            "customAttributes": [
                Node("Attribute", {"key": each["name"], "value": str(each["value"])})
                for each in line["properties"]
            ],
            "originalUnitPriceSet": money_bag(line["price_set"]),
            "discountedUnitPriceSet": money_bag(line["price_set"]),
            "originalTotalSet": money_bag(money_set(total, currency)),
            "totalDiscountSet": money_bag(line["total_discount_set"]),
            "discountAllocations": [_discount(each) for each in line["discount_allocations"]],
            "taxLines": Field(
                lambda args: [_tax(tax) for tax in line["tax_lines"]][: args.get("first") or None],
                ("first",),
            ),
            "variant": None,
            "product": None,
        },
    )


def _shipping(line: Json) -> Node:
    return Node(
        "ShippingLine",
        {
            "id": gid("ShippingLine", line["id"]),
            "title": line["title"],
            "code": line["code"],
            "source": line["source"],
            "carrierIdentifier": line["carrier_identifier"],
            "phone": line["phone"],
            "custom": False,
            "isRemoved": line["is_removed"],
            "originalPriceSet": money_bag(line["price_set"]),
            "discountedPriceSet": money_bag(line["discounted_price_set"]),
            "currentDiscountedPriceSet": money_bag(line["current_discounted_price_set"]),
            "discountAllocations": [_discount(each) for each in line["discount_allocations"]],
            "taxLines": [_tax(tax) for tax in line["tax_lines"]],
        },
    )


def _discount(allocation: Json) -> Node:
    return Node("DiscountAllocation", {"allocatedAmountSet": money_bag(allocation["amount_set"])})


def _tax(tax: Json) -> Node:
    return Node(
        "TaxLine",
        {
            "title": tax["title"],
            "rate": tax["rate"],
            "ratePercentage": round(tax["rate"] * 100, 4),
            "channelLiable": tax["channel_liable"],
            "priceSet": money_bag(tax["price_set"]),
        },
    )


def _address(address: Json | None, key: str) -> Node | None:
    if address is None:
        return None
    return Node(
        "MailingAddress",
        {
            "id": gid("MailingAddress", f"{key}?model_name=Address"),
            "name": address["name"],
            "firstName": address["first_name"],
            "lastName": address["last_name"],
            "company": address["company"],
            "address1": address["address1"],
            "address2": address["address2"],
            "city": address["city"],
            "province": address["province"],
            "provinceCode": address["province_code"],
            "zip": address["zip"],
            "country": address["country"],
            "countryCodeV2": address["country_code"],
            "phone": address["phone"],
            "latitude": address["latitude"],
            "longitude": address["longitude"],
            "coordinatesValidated": address["latitude"] is not None,
        },
    )


def _customer(customer: Json | None) -> Node | None:
    if customer is None:
        return None
    names = (customer["first_name"], customer["last_name"])
    return Node(
        "Customer",
        {
            "id": customer["admin_graphql_api_id"],
            "firstName": customer["first_name"],
            "lastName": customer["last_name"],
            "displayName": " ".join(name for name in names if name),
            "email": customer["email"],
            "phone": customer["phone"],
        },
    )


def _transaction(doc: Json) -> Node:
    kind, status = TRANSACTIONS.get(doc["financial_status"], ("SALE", "SUCCESS"))
    return Node(
        "OrderTransaction",
        {
            "id": gid("OrderTransaction", doc["id"]),
            "kind": kind,
            "status": status,
            "gateway": next(iter(doc["payment_gateway_names"]), None),
            "amountSet": money_bag(doc["total_price_set"]),
            "createdAt": moment(doc["created_at"]),
            "processedAt": moment(doc["processed_at"]),
            "test": doc["test"],
            "manualPaymentGateway": "manual" in doc["payment_gateway_names"],
            "manuallyCapturable": kind == "AUTHORIZATION",
            "multiCapturable": False,
            "errorCode": None,
            "parentTransaction": None,
        },
    )


def fulfillment(made: Json) -> Node:
    numbers, urls = made["numbers"], made["urls"]
    info = [
        Node(
            "FulfillmentTrackingInfo",
            {
                "company": made["company"],
                "number": number,
                "url": urls[place] if place < len(urls) else None,
            },
        )
        for place, number in enumerate(numbers)
    ]

    def tracking(args: Mapping[str, Any]) -> list[Node]:
        return info[: args.get("first") or None]

    return Node(
        "Fulfillment",
        {
            "id": made["id"],
            "legacyResourceId": made["id"].rpartition("/")[2],
            "name": made["name"],
            "status": made["status"],
            "displayStatus": "FULFILLED",
            "createdAt": made["created_at"],
            "updatedAt": made["updated_at"],
            "deliveredAt": None,
            "inTransitAt": None,
            "estimatedDeliveryAt": None,
            "requiresShipping": True,
            "totalQuantity": sum(made["units"].values()),
            "trackingInfo": Field(tracking, ("first",)),
            "location": Node("Location", LOCATION),
        },
    )


def _fulfillment_order(tx: Tx, doc: Json, opened: Json, lines: Mapping[int, Node]) -> Node:
    items = [
        Node(
            "FulfillmentOrderLineItem",
            {
                "id": line["id"],
                "lineItem": lines[line["line"]],
                "sku": lines[line["line"]].fields["sku"],
                "productTitle": lines[line["line"]].fields["title"],
                "requiresShipping": True,
                "totalQuantity": line["total"],
                "remainingQuantity": line["remaining"],
            },
        )
        for line in opened["lines"]
    ]
    place = Node(
        "FulfillmentOrderAssignedLocation",
        {"name": LOCATION["name"], "countryCode": "US", "location": Node("Location", LOCATION)},
    )
    return Node(
        "FulfillmentOrder",
        {
            "id": opened["id"],
            "status": opened["status"],
            "requestStatus": "UNSUBMITTED",
            "orderId": doc["admin_graphql_api_id"],
            "orderName": doc["name"],
            "orderProcessedAt": moment(doc["processed_at"]),
            "order": Field(lambda _: order(tx, doc)),
            "createdAt": opened["at"],
            "updatedAt": opened["at"],
            "fulfillAt": None,
            "assignedLocation": place,
            "lineItems": listed("FulfillmentOrderLineItem", items),
        },
    )
