"""Shopify answers by its own published schema: our operations are validated and executed on it."""

import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import graphql
import httpx
import pytest

SCHEMA = "shopify/admin_graphql_2026-07.introspection.json.gz"
Json = dict[str, Any]


@pytest.fixture(scope="session")
def schema(spec) -> graphql.GraphQLSchema:
    with gzip.open(spec(SCHEMA)) as file:
        return graphql.build_client_schema(json.load(file)["data"], assume_valid=True)


@pytest.fixture
def official_order(spec_json) -> Json:
    """The official orders/create sample, made one that can be shipped: paid and not cancelled."""
    order = copy.deepcopy(
        spec_json("shopify/webhooks_2026-07/samples/orders/create.json")["response"]
    )
    return order | {"financial_status": "paid", "cancelled_at": None}


def bag(amount: str) -> Json:
    """As GraphQL writes a decimal: 10.00 is "10.0"."""
    text = amount.rstrip("0") if "." in amount else amount
    return {"shopMoney": {"amount": text + "0" if text.endswith(".") else text}}


def taxes(rest: Json) -> list[Json]:
    return [{"priceSet": bag(tax["price"])} for tax in rest.get("tax_lines", [])]


def discounts(rest: Json) -> list[Json]:
    allocations = rest.get("discount_allocations", [])
    return [{"allocatedAmountSet": bag(each["amount"])} for each in allocations]


def address(rest: Json | None) -> Json | None:
    if rest is None:
        return None
    return {
        "name": rest["name"],
        "company": rest["company"],
        "address1": rest["address1"],
        "address2": rest["address2"],
        "city": rest["city"],
        "province": rest["province"],
        "provinceCode": rest["province_code"],
        "zip": rest["zip"],
        "countryCodeV2": rest["country_code"],
        "phone": rest["phone"],
        "latitude": rest["latitude"],
        "longitude": rest["longitude"],
    }


def line(rest: Json) -> Json:
    return {
        "id": rest["admin_graphql_api_id"],
        "sku": rest["sku"],
        "quantity": rest["quantity"],
        "originalUnitPriceSet": bag(rest["price"]),
        "discountAllocations": discounts(rest),
        "taxLines": taxes(rest),
    }


def graph_order(rest: Json) -> Json:
    """The same order as GraphQL holds it."""
    money_sets = {
        name: set_ and bag(set_["shop_money"]["amount"])
        for name, set_ in (
            ("originalTotalDutiesSet", rest["original_total_duties_set"]),
            ("originalTotalAdditionalFeesSet", rest["original_total_additional_fees_set"]),
        )
    }
    return money_sets | {
        "id": rest["admin_graphql_api_id"],
        # The same moment, as GraphQL tells it: in UTC.
        "createdAt": "2022-01-01T00:00:00Z",
        "processedAt": "2022-01-01T00:00:00Z",
        "updatedAt": "2022-01-01T00:00:05Z",
        "cancelledAt": rest["cancelled_at"],
        "currencyCode": rest["currency"],
        "customerLocale": rest["customer_locale"],
        "displayFinancialStatus": rest["financial_status"].upper(),
        "email": rest["email"],
        "phone": rest["phone"],
        "taxesIncluded": rest["taxes_included"],
        "dutiesIncluded": rest["duties_included"],
        "paymentGatewayNames": rest["payment_gateway_names"],
        "customAttributes": [
            {"key": each["name"], "value": each["value"]} for each in rest["note_attributes"]
        ],
        "totalPriceSet": bag(rest["total_price"]),
        "totalDiscountsSet": bag(rest["total_discounts"]),
        "totalTaxSet": bag(rest["total_tax"]),
        "totalTipReceivedSet": bag(rest["total_tip_received"]),
        "billingAddress": address(rest["billing_address"]),
        "shippingAddress": address(rest["shipping_address"]),
        "shippingLines": {
            "nodes": [
                {
                    "isRemoved": each["is_removed"],
                    "originalPriceSet": bag(each["price"]),
                    "discountAllocations": discounts(each),
                    "taxLines": taxes(each),
                }
                for each in rest["shipping_lines"]
            ]
        },
        "all_lines": [line(each) for each in rest["line_items"]],
    }


def connection(nodes: list[Json], first: int, after: str | None) -> Json:
    start = int(after or 0)
    chosen = nodes[start : start + first]
    end = start + len(chosen)
    info = {"hasNextPage": end < len(nodes), "endCursor": str(end)}
    return {"nodes": chosen, "pageInfo": info}


class Shop:
    """A shop on the other end: validates each operation, executes it on what it holds."""

    def __init__(self, schema: graphql.GraphQLSchema) -> None:
        self._schema = schema
        self.orders: list[Json] = []
        self.requests: list[httpx.Request] = []
        self.fulfilled: list[Json] = []
        self.user_errors: list[Json] = []
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert request.method == "POST"
        assert request.url.path == "/admin/api/2026-07/graphql.json"
        assert request.headers["X-Shopify-Access-Token"] == "shpat_1"
        body = json.loads(request.content)
        document = graphql.parse(body["query"])
        assert graphql.validate(self._schema, document) == []
        result = graphql.execute(
            self._schema,
            document,
            root_value={},
            variable_values=body["variables"],
            operation_name=body["operationName"],
            field_resolver=self._resolve,
        )
        assert not result.errors, result.errors
        return httpx.Response(200, json={"data": result.data})

    def _resolve(self, source: Any, info: graphql.GraphQLResolveInfo, **args: Any) -> Any:
        name, parent = info.field_name, info.parent_type.name
        if parent == "QueryRoot" and name == "orders":
            return self._orders(**args)
        if name == "order" and parent == "QueryRoot":
            return next((each for each in self.orders if each["id"] == args["id"]), None)
        if parent == "Order" and name == "lineItems":
            return connection(source["all_lines"], args["first"], args.get("after"))
        if name == "fulfillmentCreate":
            return self._fulfill(args["fulfillment"])
        assert name in source, f"the test's shop holds no {parent}.{name}"
        return source[name]

    def _orders(self, first, after=None, query=None, sortKey=None, **_) -> Json:  # noqa: N803
        assert sortKey == "UPDATED_AT"
        found = sorted(self.orders, key=lambda order: order["updatedAt"])
        if query is not None:
            since = query.removeprefix("updated_at:>='").removesuffix("'")
            found = [order for order in found if order["updatedAt"] >= since]
        return connection(found, first, after)

    def _fulfill(self, fulfillment: Json) -> Json:
        if self.user_errors:
            return {"fulfillment": None, "userErrors": self.user_errors}
        self.fulfilled.append(fulfillment)
        gid = f"gid://shopify/Fulfillment/{len(self.fulfilled)}"
        made = {"id": gid, "status": "SUCCESS", "trackingInfo": [fulfillment["trackingInfo"]]}
        return {"fulfillment": made, "userErrors": []}


@pytest.fixture
def shop(schema) -> Shop:
    return Shop(schema)


@pytest.fixture
def as_graph() -> Callable[[Json], Json]:
    return graph_order


@pytest.fixture
def fulfillable(shop) -> Json:
    """Order 1: two of line 11 and one of line 12, in two fulfillment orders, one of them closed."""

    def lines(*rows: tuple[int, int, int]) -> Json:
        return {
            "nodes": [
                {
                    "id": f"gid://shopify/FulfillmentOrderLineItem/{row}",
                    "remainingQuantity": left,
                    "lineItem": {"id": f"gid://shopify/LineItem/{item}"},
                }
                for row, item, left in rows
            ]
        }

    def part(number: int, status: str, items: Json) -> Json:
        gid = f"gid://shopify/FulfillmentOrder/{number}"
        return {"id": gid, "status": status, "lineItems": items}

    order = {
        "id": "gid://shopify/Order/1",
        "fulfillments": [],
        "fulfillmentOrders": {
            "nodes": [
                part(1, "CLOSED", lines((101, 11, 5))),
                part(2, "OPEN", lines((102, 11, 1), (103, 12, 1))),
                part(3, "IN_PROGRESS", lines((104, 11, 1), (105, 13, 0))),
            ]
        },
    }
    shop.orders.append(order)
    return order
