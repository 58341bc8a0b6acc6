"""Shopify's own list of orders: run on its schema, without anything about the buyer."""

import json
from datetime import UTC, datetime

import graphql
import pytest

from activities.connectors.channel.port import ChannelOrder
from activities.connectors.channel.shopify import queries
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client

SINCE = datetime(2026, 11, 22, 10, 0, 2, tzinfo=UTC)


@pytest.fixture
def gateway(shop) -> ShopifyGateway:
    return ShopifyGateway(shopify_client("https://shop.test", "shpat_1", transport=shop.transport))


def order(number: int, *told: tuple[str, str], **changes):
    return {
        "id": f"gid://shopify/Order/{number}",
        "updatedAt": f"2026-11-22T10:00:{number:02}Z",
        "cancelledAt": None,
        "displayFinancialStatus": "PAID",
        "fulfillments": [
            {"id": f"gid://shopify/Fulfillment/{place}", "status": status,
             "trackingInfo": [{"number": tracking}]}
            for place, (status, tracking) in enumerate(told)
        ],
    } | changes  # fmt: skip


async def test_orders_changed_since_then_are_listed_with_what_was_told_of_them(gateway, shop):
    shop.orders = [order(1), order(2, ("SUCCESS", "EZ1"), ("CANCELLED", "EZ2"))]
    page = await gateway.list_orders(SINCE, None)
    assert page.orders == (ChannelOrder("2", SINCE, is_ready=True, tracking_numbers=("EZ1",)),)
    assert page.next_cursor is None


async def test_a_long_list_is_read_page_by_page(gateway, shop):
    shop.orders = [order(number) for number in range(2, 32)]
    first = await gateway.list_orders(SINCE, None)
    second = await gateway.list_orders(SINCE, first.next_cursor)
    found = [each.external_id for each in (*first.orders, *second.orders)]
    assert found == [str(number) for number in range(2, 32)]
    assert second.next_cursor is None


@pytest.mark.parametrize(
    "changes", [{"displayFinancialStatus": "PENDING"}, {"cancelledAt": "2026-11-22T10:00:00Z"}]
)
async def test_an_unpaid_or_cancelled_order_is_not_ready(gateway, shop, changes):
    shop.orders = [order(3, **changes)]
    (found,) = (await gateway.list_orders(SINCE, None)).orders
    assert not found.is_ready
    assert (found.cancelled_at is None) == ("cancelledAt" not in changes)


async def test_an_order_with_more_fulfillments_than_are_shown_says_so(gateway, shop):
    shop.orders = [order(4, *(("SUCCESS", f"EZ{n}") for n in range(queries.BOOK_FULFILLMENTS)))]
    (found,) = (await gateway.list_orders(SINCE, None)).orders
    assert found.tracking_numbers is None


async def test_nothing_about_the_buyer_is_asked(gateway, shop):
    await gateway.list_orders(SINCE, None)
    (operation,) = graphql.parse(json.loads(shop.requests[-1].content)["query"]).definitions
    asked = {
        node.name.value
        for node in operation.selection_set.selections[0].selection_set.selections[1]
        .selection_set.selections
    }  # fmt: skip
    assert asked == {"id", "updatedAt", "cancelledAt", "displayFinancialStatus", "fulfillments"}
