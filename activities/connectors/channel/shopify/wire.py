"""Shopify's two dialects, only the fields we read: GraphQL answers, and webhooks in REST's JSON.

API version 2026-07. Source: https://shopify.dev/docs/api/admin-graphql/2026-07/objects/Order
and https://shopify.dev/docs/api/webhooks/2026-07
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Rest(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Graph(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


# --- GraphQL ---


class ShopMoney(Graph):
    amount: str


class MoneyBag(Graph):
    shop_money: ShopMoney


class GraphDiscount(Graph):
    allocated_amount_set: MoneyBag


class GraphTax(Graph):
    price_set: MoneyBag


class GraphLine(Graph):
    id: str
    sku: str | None = None
    quantity: int
    original_unit_price_set: MoneyBag
    discount_allocations: tuple[GraphDiscount, ...] = ()
    tax_lines: tuple[GraphTax, ...] = ()


class GraphShipping(Graph):
    is_removed: bool = False
    original_price_set: MoneyBag
    discount_allocations: tuple[GraphDiscount, ...] = ()
    tax_lines: tuple[GraphTax, ...] = ()


class GraphShippingPage(Graph):
    nodes: tuple[GraphShipping, ...] = ()


class PageInfo(Graph):
    has_next_page: bool = False
    end_cursor: str | None = None


class GraphLinePage(Graph):
    nodes: tuple[GraphLine, ...] = ()
    page_info: PageInfo = PageInfo()


class GraphAttribute(Graph):
    key: str
    value: str | None = None


class GraphName(Graph):
    name: str | None = None


class GraphAddress(Graph):
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code_v2: str | None = None
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class GraphOrder(Graph):
    id: str
    created_at: datetime
    processed_at: datetime | None = None
    cancelled_at: datetime | None = None
    currency_code: str
    customer_locale: str | None = None
    display_financial_status: str | None = None
    email: str | None = None
    phone: str | None = None
    taxes_included: bool = False
    duties_included: bool = False
    payment_gateway_names: tuple[str, ...] = ()
    custom_attributes: tuple[GraphAttribute, ...] = ()
    total_price_set: MoneyBag
    total_discounts_set: MoneyBag | None = None
    total_tax_set: MoneyBag | None = None
    total_tip_received_set: MoneyBag | None = None
    original_total_duties_set: MoneyBag | None = None
    original_total_additional_fees_set: MoneyBag | None = None
    billing_address: GraphName | None = None
    shipping_address: GraphAddress | None = None
    shipping_lines: GraphShippingPage = GraphShippingPage()
    line_items: GraphLinePage


class TrackingInfo(Graph):
    number: str | None = None


class Fulfillment(Graph):
    id: str
    status: str
    tracking_info: tuple[TrackingInfo, ...] = ()


class BookedOrder(Graph):
    id: str
    updated_at: datetime
    cancelled_at: datetime | None = None
    display_financial_status: str | None = None
    fulfillments: tuple[Fulfillment, ...] = ()


class OrderBookPage(Graph):
    nodes: tuple[BookedOrder, ...]
    page_info: PageInfo


class LineReference(Graph):
    id: str


class FulfillmentOrderLine(Graph):
    id: str
    remaining_quantity: int
    line_item: LineReference


class FulfillmentOrderLinePage(Graph):
    nodes: tuple[FulfillmentOrderLine, ...] = ()


class FulfillmentOrder(Graph):
    id: str
    status: str
    line_items: FulfillmentOrderLinePage


class FulfillmentOrderPage(Graph):
    nodes: tuple[FulfillmentOrder, ...] = ()


class OrderFulfillments(Graph):
    id: str
    fulfillments: tuple[Fulfillment, ...] = ()
    fulfillment_orders: FulfillmentOrderPage = FulfillmentOrderPage()


class UserError(Graph):
    message: str
    field: tuple[str, ...] | None = None


class FulfillmentCreated(Graph):
    fulfillment: Fulfillment | None = None
    user_errors: tuple[UserError, ...] = ()


# --- REST's JSON, in webhooks ---


class RestShopMoney(Rest):
    amount: str


class RestMoneySet(Rest):
    shop_money: RestShopMoney


class RestDiscount(Rest):
    amount: str


class RestTax(Rest):
    price: str


class RestLine(Rest):
    id: int
    admin_graphql_api_id: str | None = None
    sku: str | None = None
    quantity: int
    price: str
    discount_allocations: tuple[RestDiscount, ...] = ()
    tax_lines: tuple[RestTax, ...] = ()


class RestShipping(Rest):
    price: str
    is_removed: bool = False
    discount_allocations: tuple[RestDiscount, ...] = ()
    tax_lines: tuple[RestTax, ...] = ()


class RestAttribute(Rest):
    name: str
    value: str | None = None


class RestName(Rest):
    name: str | None = None


class RestAddress(Rest):
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = None
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class RestOrder(Rest):
    id: int
    admin_graphql_api_id: str | None = None
    created_at: datetime
    processed_at: datetime | None = None
    cancelled_at: datetime | None = None
    currency: str
    customer_locale: str | None = None
    financial_status: str | None = None
    email: str | None = None
    phone: str | None = None
    taxes_included: bool = False
    duties_included: bool = False
    payment_gateway_names: tuple[str, ...] = ()
    note_attributes: tuple[RestAttribute, ...] = ()
    total_price: str
    total_discounts: str = "0"
    total_tax: str = "0"
    total_tip_received: str = "0"
    original_total_duties_set: RestMoneySet | None = None
    original_total_additional_fees_set: RestMoneySet | None = None
    billing_address: RestName | None = None
    shipping_address: RestAddress | None = None
    shipping_lines: tuple[RestShipping, ...] = ()
    line_items: tuple[RestLine, ...]
