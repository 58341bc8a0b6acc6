"""Shopify: our operations run on its own schema; orders come in pages, parcels go back once."""

import copy
import json

import pytest

from activities.connectors.channel.shopify.document import DocumentOptions
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client
from activities.connectors.channel.shopify.graphql import ShopifyApi
from activities.connectors.errors import (
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)


@pytest.fixture
def gateway(shop) -> ShopifyGateway:
    client = shopify_client("https://shop.test", "shpat_1", transport=shop.transport)
    return ShopifyGateway(client, DocumentOptions(channel="shop"))


def numbered(order: dict, number: int, **changes) -> dict:
    gid = f"gid://shopify/Order/{number}"
    updated = f"2026-11-22T10:00:{number:02}Z"
    return copy.deepcopy(order) | {"id": gid, "updatedAt": updated} | changes


async def test_orders_come_in_pages_oldest_change_first(gateway, shop, official_order, as_graph):
    order = as_graph(official_order)
    shop.orders = [numbered(order, number) for number in (3, 1, 2)]
    first = await gateway.fetch_orders(None, None, 2)
    assert [document["external_id"] for document in first.documents] == ["1", "2"]
    assert first.updated_through == "2026-11-22T10:00:02Z"
    assert first.next_cursor is not None
    second = await gateway.fetch_orders(None, first.next_cursor, 2)
    assert [document["external_id"] for document in second.documents] == ["3"]
    assert second.next_cursor is None
    assert second.rejects == ()


async def test_only_changed_orders_are_asked_for(gateway, shop, official_order, as_graph):
    order = as_graph(official_order)
    shop.orders = [numbered(order, number) for number in (1, 2)]
    page = await gateway.fetch_orders("2026-11-22T10:00:02Z", None, 50)
    assert [document["external_id"] for document in page.documents] == ["2"]
    variables = json.loads(shop.requests[-1].content)["variables"]
    assert variables["query"] == "updated_at:>='2026-11-22T10:00:02Z'"
    assert variables["first"] == 25  # what one query may cost


async def test_a_page_without_news_goes_on_from_where_it_was(gateway):
    page = await gateway.fetch_orders("2026-11-22T10:00:02Z", None, 50)
    assert (page.documents, page.updated_through) == ((), "2026-11-22T10:00:02Z")


async def test_a_bad_order_is_rejected_and_the_good_go_on(gateway, shop, official_order, as_graph):
    order = as_graph(official_order)
    shop.orders = [
        numbered(order, 1, totalPriceSet={"shopMoney": {"amount": "1.0"}}),
        numbered(order, 2),
        numbered(order, 3, totalPriceSet={"shopMoney": {"amount": "1.001"}}),
        numbered(order, 4),
    ]
    page = await gateway.fetch_orders(None, None, 50)
    assert [document["external_id"] for document in page.documents] == ["2", "4"]
    reasons = {reject.external_id: reject.reason for reject in page.rejects}
    assert reasons["1"] == "lines and charges sum to 404.95, the order's total says 1.00"
    assert "1.001" in reasons["3"]
    assert page.updated_through == "2026-11-22T10:00:04Z"


async def test_an_unpaid_order_waits_and_comes_when_it_is_paid(
    gateway, shop, official_order, as_graph
):
    order = as_graph(official_order)
    shop.orders = [numbered(order, 1, displayFinancialStatus="PENDING")]
    page = await gateway.fetch_orders(None, None, 50)
    assert (page.documents, page.rejects) == ((), ())
    assert [each.external_id for each in page.waiting] == ["1"]
    shop.orders = [numbered(order, 1, updatedAt="2026-11-22T10:00:09Z")]
    page = await gateway.fetch_orders(page.updated_through, None, 50)
    assert [document["external_id"] for document in page.documents] == ["1"]


async def test_a_cancelled_order_is_named_and_neither_document_nor_reject(
    gateway, shop, official_order, as_graph
):
    order = as_graph(official_order)
    shop.orders = [numbered(order, 1), numbered(order, 2, cancelledAt="2026-11-22T10:00:00Z")]
    page = await gateway.fetch_orders(None, None, 50)
    assert [document["external_id"] for document in page.documents] == ["1"]
    assert (page.rejects, page.waiting, page.cancelled) == ((), (), ("2",))


async def test_an_order_longer_than_a_page_of_lines_is_read_to_its_end(
    gateway, shop, official_order, as_graph
):
    order = numbered(as_graph(official_order), 1)
    free = {"discountAllocations": [], "taxLines": []} | {
        "originalUnitPriceSet": {"shopMoney": {"amount": "0.0"}}
    }
    order["all_lines"] += [
        {"id": f"gid://shopify/LineItem/{number}", "sku": f"S-{number}", "quantity": 1} | free
        for number in range(200)
    ]
    shop.orders = [order]
    page = await gateway.fetch_orders(None, None, 50)
    assert page.rejects == ()
    assert len(page.documents[0]["lines"]) == 205
    assert len(shop.requests) == 3  # 10 with the order, then 100, then 95


async def test_a_malformed_node_names_its_fields(vendor):
    node = {"id": "gid://shopify/Order/7", "updatedAt": "2026-11-22T10:00:00Z", "email": "a@b.c"}
    vendor.answers({"data": {"orders": {"nodes": [node], "pageInfo": {}}}})
    client = shopify_client("https://shop.test", "shpat_1", transport=vendor.transport)
    page = await ShopifyGateway(client).fetch_orders(None, None, 10)
    assert page.rejects[0].external_id == "7"
    assert page.rejects[0].reason.startswith("malformed: createdAt")
    assert "a@b.c" not in page.rejects[0].reason


def sent_parts(fulfillment: dict) -> list[tuple[str, list[tuple[str, int]]]]:
    return [
        (
            part["fulfillmentOrderId"].rsplit("/")[-1],
            [(row["id"].rsplit("/")[-1], row["quantity"]) for row in part[
                "fulfillmentOrderLineItems"
            ]],
        )
        for part in fulfillment["lineItemsByFulfillmentOrder"]
    ]  # fmt: skip


@pytest.mark.usefixtures("fulfillable")
async def test_what_shipped_is_told_against_open_fulfillment_orders(gateway, shop):
    gid = await gateway.push_fulfillment("1", "EZ1", "USPS", (("11", 2),))
    assert gid == "gid://shopify/Fulfillment/1"
    sent = shop.fulfilled[0]
    assert sent_parts(sent) == [("2", [("102", 1)]), ("3", [("104", 1)])]
    assert sent["trackingInfo"] == {"number": "EZ1", "company": "USPS"}
    assert sent["notifyCustomer"] is False


@pytest.mark.usefixtures("fulfillable")
async def test_without_lines_all_that_is_left_is_told(gateway, shop):
    await gateway.push_fulfillment("1", "EZ1", "USPS", None)
    assert sent_parts(shop.fulfilled[0]) == [("2", [("102", 1), ("103", 1)]), ("3", [("104", 1)])]


async def test_a_parcel_told_before_is_answered_not_told_again(gateway, shop, fulfillable):
    fulfillable["fulfillments"] = [
        {"id": "gid://shopify/Fulfillment/8", "status": "CANCELLED",
         "trackingInfo": [{"number": "EZ1"}]},
        {"id": "gid://shopify/Fulfillment/9", "status": "SUCCESS",
         "trackingInfo": [{"number": "EZ0"}, {"number": "EZ1"}]},
    ]  # fmt: skip
    assert await gateway.find_fulfillment("1", "EZ1") == "gid://shopify/Fulfillment/9"
    assert await gateway.push_fulfillment("1", "EZ1", "USPS", None) == "gid://shopify/Fulfillment/9"
    assert shop.fulfilled == []


@pytest.mark.usefixtures("fulfillable")
async def test_a_parcel_not_told_is_not_found(gateway):
    assert await gateway.find_fulfillment("1", "EZ1") is None


@pytest.mark.usefixtures("fulfillable")
@pytest.mark.parametrize("lines", [(("11", 3),), (("13", 1),), (("99", 1),), (("11", 1),) * 3])
async def test_more_than_is_left_is_refused(gateway, shop, lines):
    with pytest.raises(Rejected) as caught:
        await gateway.push_fulfillment("1", "EZ1", "USPS", lines)
    assert (caught.value.code, shop.fulfilled) == ("nothing_to_fulfill", [])


async def test_an_order_with_nothing_left_is_refused(gateway, fulfillable):
    fulfillable["fulfillmentOrders"] = {"nodes": []}
    with pytest.raises(Rejected) as caught:
        await gateway.push_fulfillment("1", "EZ1", "USPS", None)
    assert caught.value.code == "nothing_to_fulfill"


async def test_an_order_the_shop_does_not_know_is_not_found(gateway):
    with pytest.raises(Rejected) as caught:
        await gateway.find_fulfillment("404", "EZ1")
    assert caught.value.code == "not_found"


@pytest.mark.usefixtures("fulfillable")
async def test_what_the_shop_refuses_is_a_refusal(gateway, shop):
    shop.user_errors = [{"field": ["fulfillment"], "message": "Fulfillment order is closed."}]
    with pytest.raises(Rejected) as caught:
        await gateway.push_fulfillment("1", "EZ1", "USPS", None)
    assert (caught.value.code, caught.value.detail) == (
        "fulfillment_refused", "Fulfillment order is closed."
    )  # fmt: skip


def api_error(code: str, **more) -> dict:
    return {"errors": [{"message": "No.", "extensions": {"code": code}}]} | more


COST = {
    "requestedQueryCost": 300,
    "throttleStatus": {"currentlyAvailable": 100, "restoreRate": 50.0},
}


@pytest.mark.parametrize(
    ("answer", "of_read", "of_change"),
    [
        (api_error("THROTTLED"), Throttled, Throttled),
        (api_error("ACCESS_DENIED"), Misconfigured, Misconfigured),
        (api_error("MAX_COST_EXCEEDED"), Misconfigured, Misconfigured),
        (api_error("INTERNAL_SERVER_ERROR"), NotSent, OutcomeUnknown),
        ({"errors": "Not Found"}, Misconfigured, Misconfigured),
        ({"errors": [{"message": "no such field"}]}, Misconfigured, Misconfigured),
        ({}, Misconfigured, OutcomeUnknown),
    ],
)
async def test_an_error_inside_a_200_is_told_apart(vendor, answer, of_read, of_change):
    vendor.answers(answer)
    client = shopify_client("https://shop.test", "shpat_1", transport=vendor.transport)
    with pytest.raises(of_read):
        await ShopifyApi(client).read("Q", "query Q { shop { id } }", {})
    with pytest.raises(of_change):
        await ShopifyApi(client).change("M", "mutation M { x }", {})


async def test_a_dry_bucket_says_when_it_is_full_enough(vendor):
    vendor.answers(api_error("THROTTLED", extensions={"cost": COST}))
    client = shopify_client("https://shop.test", "shpat_1", transport=vendor.transport)
    with pytest.raises(Throttled) as caught:
        await ShopifyApi(client).read("Q", "query Q { shop { id } }", {})
    assert caught.value.retry_after_s == 4.0
