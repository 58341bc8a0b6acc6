"""Shopify's two dialects read as one `Sale`, and our fulfillments and its errors between us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from activities.connectors.channel.shopify.wire import (
    Fulfillment,
    FulfillmentOrder,
    GraphAddress,
    GraphLine,
    GraphOrder,
    GraphShipping,
    MoneyBag,
    OrderFulfillments,
    RestAddress,
    RestLine,
    RestMoneySet,
    RestOrder,
    RestShipping,
)
from activities.connectors.errors import ConnectorError, Misconfigured, Rejected
from domain.money import parse_minor

VENDOR: Final = "shopify"
OPEN_STATUSES: Final = frozenset({"OPEN", "IN_PROGRESS"})
# These fulfillments never happened.
VOID_FULFILLMENTS: Final = frozenset({"CANCELLED", "ERROR", "FAILURE"})


@dataclass(frozen=True, slots=True)
class SaleLine:
    external_line_id: str
    sku: str | None
    quantity: int
    unit_price_minor: int
    discount_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class SaleAddress:
    name: str | None
    company: str | None
    line1: str | None
    line2: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None
    phone: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Sale:
    """An order as Shopify states it, whichever way it came; amounts in the shop's currency.

    Taxes are listed also where `taxes_included` says that the prices hold them already.
    """

    external_id: str
    placed_at: datetime
    cancelled: bool
    currency: str
    locale: str | None
    financial_status: str
    buyer_name: str | None
    email: str | None
    phone: str | None
    ship_to: SaleAddress | None
    lines: tuple[SaleLine, ...]
    shipping_minor: int
    shipping_discount_minor: int
    shipping_tax_minor: int
    taxes_included: bool
    tax_minor: int
    discount_minor: int
    tip_minor: int
    duties_minor: int
    fees_minor: int
    total_minor: int
    gateways: tuple[str, ...]
    attributes: Mapping[str, str]


def numeric_id(gid: str) -> str:
    """The number at the end of gid://shopify/Order/123, which webhooks write alone."""
    return gid.rsplit("/", 1)[-1].partition("?")[0]


def order_gid(external_id: str) -> str:
    return f"gid://shopify/Order/{external_id}"


def from_graph(order: GraphOrder, lines: Iterable[GraphLine]) -> Sale:
    """`lines` are all of the order's. Raises: ValueError for an amount that is none."""
    currency = order.currency_code
    kept = [line for line in order.shipping_lines.nodes if not line.is_removed]
    return Sale(
        external_id=numeric_id(order.id),
        placed_at=order.processed_at or order.created_at,
        cancelled=order.cancelled_at is not None,
        currency=currency,
        locale=order.customer_locale,
        financial_status=(order.display_financial_status or "").lower(),
        buyer_name=order.billing_address.name if order.billing_address else None,
        email=order.email,
        phone=order.phone,
        ship_to=_graph_address(order.shipping_address),
        lines=tuple(_graph_line(line, currency) for line in lines),
        shipping_minor=sum(_bag(line.original_price_set, currency) for line in kept),
        shipping_discount_minor=sum(_graph_discount(line, currency) for line in kept),
        shipping_tax_minor=sum(_graph_tax(line, currency) for line in kept),
        taxes_included=order.taxes_included,
        tax_minor=_bag(order.total_tax_set, currency),
        discount_minor=_bag(order.total_discounts_set, currency),
        tip_minor=_bag(order.total_tip_received_set, currency),
        duties_minor=_bag(
            None if order.duties_included else order.original_total_duties_set, currency
        ),
        fees_minor=_bag(order.original_total_additional_fees_set, currency),
        total_minor=_bag(order.total_price_set, currency),
        gateways=order.payment_gateway_names,
        attributes={each.key: each.value or "" for each in order.custom_attributes},
    )


def _graph_line(line: GraphLine, currency: str) -> SaleLine:
    return SaleLine(
        external_line_id=numeric_id(line.id),
        sku=line.sku,
        quantity=line.quantity,
        unit_price_minor=_bag(line.original_unit_price_set, currency),
        discount_minor=_graph_discount(line, currency),
        tax_minor=_graph_tax(line, currency),
    )


def _graph_discount(line: GraphLine | GraphShipping, currency: str) -> int:
    return sum(_bag(each.allocated_amount_set, currency) for each in line.discount_allocations)


def _graph_tax(line: GraphLine | GraphShipping, currency: str) -> int:
    return sum(_bag(each.price_set, currency) for each in line.tax_lines)


def _bag(bag: MoneyBag | None, currency: str) -> int:
    return 0 if bag is None else parse_minor(bag.shop_money.amount, currency)


def _graph_address(wire: GraphAddress | None) -> SaleAddress | None:
    return None if wire is None else _address(wire, wire.country_code_v2)


def from_rest(order: RestOrder) -> Sale:
    """Raises: ValueError for an amount that is none."""
    currency = order.currency
    kept = [line for line in order.shipping_lines if not line.is_removed]
    return Sale(
        # The id in JSON is larger than a double holds, and some senders round it.
        external_id=numeric_id(order.admin_graphql_api_id or str(order.id)),
        placed_at=order.processed_at or order.created_at,
        cancelled=order.cancelled_at is not None,
        currency=currency,
        locale=order.customer_locale,
        financial_status=(order.financial_status or "").lower(),
        buyer_name=order.billing_address.name if order.billing_address else None,
        email=order.email,
        phone=order.phone,
        ship_to=_rest_address(order.shipping_address),
        lines=tuple(_rest_line(line, currency) for line in order.line_items),
        shipping_minor=sum(parse_minor(line.price, currency) for line in kept),
        shipping_discount_minor=sum(_rest_discount(line, currency) for line in kept),
        shipping_tax_minor=sum(_rest_tax(line, currency) for line in kept),
        taxes_included=order.taxes_included,
        tax_minor=parse_minor(order.total_tax, currency),
        discount_minor=parse_minor(order.total_discounts, currency),
        tip_minor=parse_minor(order.total_tip_received, currency),
        duties_minor=_money_set(
            None if order.duties_included else order.original_total_duties_set, currency
        ),
        fees_minor=_money_set(order.original_total_additional_fees_set, currency),
        total_minor=parse_minor(order.total_price, currency),
        gateways=order.payment_gateway_names,
        attributes={each.name: each.value or "" for each in order.note_attributes},
    )


def _rest_line(line: RestLine, currency: str) -> SaleLine:
    return SaleLine(
        external_line_id=numeric_id(line.admin_graphql_api_id or str(line.id)),
        sku=line.sku,
        quantity=line.quantity,
        unit_price_minor=parse_minor(line.price, currency),
        discount_minor=_rest_discount(line, currency),
        tax_minor=_rest_tax(line, currency),
    )


def _rest_discount(line: RestLine | RestShipping, currency: str) -> int:
    return sum(parse_minor(each.amount, currency) for each in line.discount_allocations)


def _rest_tax(line: RestLine | RestShipping, currency: str) -> int:
    return sum(parse_minor(each.price, currency) for each in line.tax_lines)


def _money_set(money: RestMoneySet | None, currency: str) -> int:
    return 0 if money is None else parse_minor(money.shop_money.amount, currency)


def _rest_address(wire: RestAddress | None) -> SaleAddress | None:
    return None if wire is None else _address(wire, wire.country_code)


def _address(wire: GraphAddress | RestAddress, country: str | None) -> SaleAddress:
    return SaleAddress(
        name=wire.name,
        company=wire.company,
        line1=wire.address1,
        line2=wire.address2,
        city=wire.city,
        region=wire.province_code or wire.province,
        postal_code=wire.zip,
        country=country,
        phone=wire.phone,
        latitude=wire.latitude,
        longitude=wire.longitude,
    )


def fulfillment_with(order: OrderFulfillments, tracking_number: str) -> str | None:
    for each in order.fulfillments:
        numbers = {info.number for info in each.tracking_info}
        if each.status not in VOID_FULFILLMENTS and tracking_number in numbers:
            return each.id
    return None


def tracking_numbers(fulfillments: Iterable[Fulfillment]) -> tuple[str, ...]:
    return tuple(
        info.number
        for each in fulfillments
        if each.status not in VOID_FULFILLMENTS
        for info in each.tracking_info
        if info.number
    )


def fulfillment_to_wire(
    order: OrderFulfillments,
    tracking_number: str,
    carrier: str,
    lines: tuple[tuple[str, int], ...] | None,
) -> dict[str, Any]:
    """Raises: Rejected "nothing_to_fulfill" when the channel has less left than we shipped."""
    open_orders = [each for each in order.fulfillment_orders.nodes if each.status in OPEN_STATUSES]
    parts = _everything(open_orders) if lines is None else _chosen(open_orders, lines)
    if not parts:
        raise Rejected(VENDOR, "nothing is left to fulfill", "nothing_to_fulfill")
    return {
        "lineItemsByFulfillmentOrder": parts,
        "trackingInfo": {"number": tracking_number, "company": carrier},
        "notifyCustomer": False,  # our own mail tells the customer
    }


def _everything(orders: Iterable[FulfillmentOrder]) -> list[dict[str, Any]]:
    parts = []
    for order in orders:
        lines = [_part(line.id, line.remaining_quantity) for line in order.line_items.nodes]
        parts += _of_order(order, [line for line in lines if line["quantity"] > 0])
    return parts


def _chosen(
    orders: Iterable[FulfillmentOrder], lines: tuple[tuple[str, int], ...]
) -> list[dict[str, Any]]:
    wanted: dict[str, int] = {}
    for line_id, quantity in lines:
        wanted[line_id] = wanted.get(line_id, 0) + quantity
    parts: list[dict[str, Any]] = []
    for order in orders:
        taken = []
        for line in order.line_items.nodes:
            line_id = numeric_id(line.line_item.id)
            quantity = min(wanted.get(line_id, 0), line.remaining_quantity)
            if quantity > 0:
                wanted[line_id] -= quantity
                taken.append(_part(line.id, quantity))
        parts += _of_order(order, taken)
    missing = ", ".join(line_id for line_id, quantity in wanted.items() if quantity > 0)
    if missing:
        raise Rejected(VENDOR, f"not so many left of lines {missing}", "nothing_to_fulfill")
    return parts


def _part(line_id: str, quantity: int) -> dict[str, Any]:
    return {"id": line_id, "quantity": quantity}


def _of_order(order: FulfillmentOrder, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not lines:
        return []
    return [{"fulfillmentOrderId": order.id, "fulfillmentOrderLineItems": lines}]


def refusal(status: int, body: Mapping[str, Any]) -> ConnectorError:
    """A 4xx of Shopify's is about the shop or the request as a whole, never about an order."""
    return Misconfigured(VENDOR, f"{status}: {body.get('errors') or 'no message'}")
