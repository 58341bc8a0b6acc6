"""Shopify's Admin GraphQL as a channel gateway: one method a verb."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import httpx
import pydantic

from activities.connectors.channel.port import (
    CancelledOrder,
    ChannelOrder,
    ChannelOrderPage,
    ChannelPage,
    OrderDocument,
    RejectedDocument,
    WaitingOrder,
)
from activities.connectors.channel.shopify import queries, translate
from activities.connectors.channel.shopify.document import (
    DEFAULT_OPTIONS,
    SETTLED,
    DocumentOptions,
    malformed,
    to_document,
)
from activities.connectors.channel.shopify.graphql import ShopifyApi
from activities.connectors.channel.shopify.wire import (
    BookedOrder,
    FulfillmentCreated,
    GraphLine,
    GraphLinePage,
    GraphOrder,
    OrderBookPage,
    OrderFulfillments,
    PageInfo,
)
from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.connectors.http import VendorClient, open_http
from activities.connectors.port import UnknownRule

UNKNOWN_RULES: Final[Mapping[str, UnknownRule]] = MappingProxyType(
    {
        "fetch_orders": UnknownRule.NONE,
        "list_orders": UnknownRule.NONE,
        "find_fulfillment": UnknownRule.NONE,
        "push_fulfillment": UnknownRule.LOOKUP,
    }
)


def shopify_client(
    base_url: str, access_token: str, *, transport: httpx.AsyncBaseTransport | None = None
) -> VendorClient:
    """`base_url` is the shop's: https://example.myshopify.com, or the sandbox's."""
    http = open_http(
        base_url, headers={"X-Shopify-Access-Token": access_token}, transport=transport
    )
    return VendorClient(translate.VENDOR, http, refusal=translate.refusal, secrets=(access_token,))


class ShopifyGateway:
    """A ChannelGateway for one shop, which is one channel of ours."""

    vendor: str = translate.VENDOR
    unknown_rules: Mapping[str, UnknownRule] = UNKNOWN_RULES

    def __init__(self, client: VendorClient, options: DocumentOptions = DEFAULT_OPTIONS) -> None:
        self._client = client
        self._api = ShopifyApi(client)
        self._options = options

    async def fetch_orders(
        self, updated_since: str | None, cursor: str | None, limit: int
    ) -> ChannelPage:
        """At most MAX_ORDERS_A_PAGE at once. Shopify's search lags some seconds behind the truth:
        begin a little before `updated_through`, as what comes twice is known again.
        """
        variables = {
            "first": max(1, min(limit, queries.MAX_ORDERS_A_PAGE)),
            "after": cursor,
            "query": f"updated_at:>='{updated_since}'" if updated_since else None,
            "lines": queries.LINES_A_PAGE,
        }
        data = await self._api.read("Orders", queries.ORDERS, variables)
        page = _object(data.get("orders"))
        nodes = [_object(node) for node in page.get("nodes") or ()]
        found = [await self._document(node) for node in nodes]
        info = self._client.parse(PageInfo, page.get("pageInfo") or {}, mutating=False)
        changed = [str(node["updatedAt"]) for node in nodes if node.get("updatedAt")]
        return ChannelPage(
            documents=tuple(each for each in found if isinstance(each, dict)),
            rejects=tuple(each for each in found if isinstance(each, RejectedDocument)),
            next_cursor=info.end_cursor if info.has_next_page else None,
            updated_through=max(changed, default=updated_since),
            waiting=tuple(each for each in found if isinstance(each, WaitingOrder)),
            cancelled=tuple(each.external_id for each in found if isinstance(each, CancelledOrder)),
        )

    async def list_orders(self, since: datetime, cursor: str | None) -> ChannelOrderPage:
        variables = {
            "first": queries.BOOK_ORDERS_A_PAGE,
            "after": cursor,
            "query": f"updated_at:>='{since.isoformat()}'",
            "fulfillments": queries.BOOK_FULFILLMENTS,
        }
        data = await self._api.read("OrderBook", queries.ORDER_BOOK, variables)
        page = self._client.parse(OrderBookPage, data.get("orders"), mutating=False)
        return ChannelOrderPage(
            orders=tuple(_booked(order) for order in page.nodes),
            next_cursor=page.page_info.end_cursor if page.page_info.has_next_page else None,
        )

    async def find_fulfillment(self, external_id: str, tracking_number: str) -> str | None:
        return translate.fulfillment_with(await self._order(external_id), tracking_number)

    async def push_fulfillment(
        self,
        external_id: str,
        tracking_number: str,
        carrier: str,
        lines: tuple[tuple[str, int], ...] | None,
    ) -> str:
        order = await self._order(external_id)
        known = translate.fulfillment_with(order, tracking_number)
        if known is not None:
            return known
        wire = translate.fulfillment_to_wire(order, tracking_number, carrier, lines)
        data = await self._api.change(
            "FulfillmentCreate", queries.FULFILLMENT_CREATE, {"fulfillment": wire}
        )
        created = self._client.parse(FulfillmentCreated, data.get("fulfillmentCreate"))
        if created.user_errors:
            said = self._client.redact("; ".join(each.message for each in created.user_errors))
            raise Rejected(self.vendor, said, "fulfillment_refused")
        if created.fulfillment is None:
            raise OutcomeUnknown(self.vendor, "neither a fulfillment nor an error in the answer")
        if tracking_number not in {each.number for each in created.fulfillment.tracking_info}:
            raise OutcomeUnknown(self.vendor, "the answer is about another parcel than was told")
        return created.fulfillment.id

    async def _order(self, external_id: str) -> OrderFulfillments:
        variables = {"id": translate.order_gid(external_id)}
        data = await self._api.read("OrderFulfillments", queries.ORDER_FULFILLMENTS, variables)
        if data.get("order") is None:
            raise Rejected(self.vendor, f"no order {external_id}", "not_found")
        return self._client.parse(OrderFulfillments, data["order"], mutating=False)

    async def _document(
        self, node: Mapping[str, Any]
    ) -> OrderDocument | RejectedDocument | WaitingOrder | CancelledOrder:
        try:
            order = GraphOrder.model_validate(node)
        except pydantic.ValidationError as error:
            return malformed(str(node.get("id") or "unknown"), error)
        lines = await self._lines(order)
        try:
            return to_document(translate.from_graph(order, lines), self._options)
        except ValueError as error:
            return RejectedDocument(translate.numeric_id(order.id), str(error))

    async def _lines(self, order: GraphOrder) -> tuple[GraphLine, ...]:
        lines, info = order.line_items.nodes, order.line_items.page_info
        while info.has_next_page:
            variables = {
                "id": order.id, "after": info.end_cursor, "lines": queries.MORE_LINES_A_PAGE
            }  # fmt: skip
            data = await self._api.read("OrderLines", queries.ORDER_LINES, variables)
            wire = _object(_object(data.get("order")).get("lineItems"))
            page = self._client.parse(GraphLinePage, wire, mutating=False)
            lines, info = lines + page.nodes, page.page_info
        return lines


def _booked(order: BookedOrder) -> ChannelOrder:
    is_whole = len(order.fulfillments) < queries.BOOK_FULFILLMENTS
    status = (order.display_financial_status or "").lower()
    return ChannelOrder(
        external_id=translate.numeric_id(order.id),
        updated_at=order.updated_at,
        is_ready=status in SETTLED and order.cancelled_at is None,
        tracking_numbers=translate.tracking_numbers(order.fulfillments) if is_whole else None,
        cancelled_at=order.cancelled_at,
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
