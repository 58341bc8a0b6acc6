"""Orders of the shop: seeded, listed by update with cursors, told by webhook."""

from tests.sandbox.shopify.orders import ORDER, ORDERS, ask, order, refused, seeded
from tests.sandbox.world import until


async def test_a_seeded_order_is_read_with_its_money(world):
    await seeded(world)
    (node,) = (await ask(world, ORDERS, first=5))["orders"]["nodes"]
    assert node["id"] == "gid://shopify/Order/450001"
    assert node["createdAt"] == "2026-11-22T15:00:00Z"
    # 2 x 89.99 + 10.00 - 1.50 + 2.00 tax + 5.00 shipping
    assert node["totalPriceSet"]["shopMoney"] == {"amount": "195.48", "currencyCode": "USD"}
    assert node["totalShippingPriceSet"]["shopMoney"]["amount"] == "5.0"
    first, second = node["lineItems"]["nodes"]
    assert (first["sku"], first["quantity"]) == ("A-1", 2)
    assert second["discountAllocations"][0]["allocatedAmountSet"]["shopMoney"]["amount"] == "1.5"
    assert second["taxLines"][0]["priceSet"]["shopMoney"]["amount"] == "2.0"
    assert node["shippingAddress"]["countryCodeV2"] == "US"
    assert node["transactions"][0]["kind"] == "SALE"


async def test_orders_are_read_page_by_page(world):
    keys = [450001 + place for place in range(5)]
    for key in keys:
        await seeded(world, order(key))
    read, after = [], None
    for _ in range(3):
        page = (await ask(world, ORDERS, first=2, after=after))["orders"]
        read += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert [edge["node"]["name"] for edge in page["edges"]] == read[-len(page["edges"]) :]
    assert read == [f"#{key}" for key in keys]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_only_orders_updated_since_are_read(world):
    made = await seeded(world)
    since = f"updated_at:>='{made['updated_at']}'"
    assert len((await ask(world, ORDERS, first=5, query=since))["orders"]["nodes"]) == 1
    later = "updated_at:>'2099-01-01T00:00:00Z' AND name:#450001"
    assert (await ask(world, ORDERS, first=5, query=later))["orders"]["nodes"] == []


async def test_an_order_seeded_again_is_an_update(world):
    await seeded(world, webhook=True)
    await seeded(world, order(note="ring twice"), webhook=True)
    assert len((await ask(world, ORDERS, first=5))["orders"]["nodes"]) == 1
    await until(lambda: len(world.receiver.taken) == 2)
    topics = [headers["x-shopify-topic"] for _, headers, _ in world.receiver.taken]
    assert sorted(topics) == ["orders/create", "orders/updated"]


async def test_a_buyer_cancels_at_the_channel(world):
    await seeded(world)
    answer = await world.control.post("/shopify/orders/450001/cancel")
    assert answer.json()["cancelled_at"]
    node = (await ask(world, ORDER, id="gid://shopify/Order/450001"))["order"]
    assert node["fulfillmentOrders"]["nodes"][0]["status"] == "CANCELLED"


async def test_yen_have_no_cents(world):
    lines = [{"sku": "A-1", "quantity": 3, "price": "1200"}]
    made = await seeded(world, order(currency="JPY", line_items=lines, shipping_lines=[]))
    assert made["total_price"] == "3600"


async def test_a_seed_that_is_no_order_is_refused(world):
    for wrong, detail in (
        ({}, "line_items is missing"),
        (order(line_items=[{"sku": "A", "quantity": "2", "price": "1"}]), "whole number"),
        (order(line_items=[{"sku": "A", "quantity": 2, "price": "dear"}]), "no amount"),
    ):
        answer = await world.control.post("/shopify/orders", json=wrong)
        assert answer.status_code == 400
        assert detail in answer.json()["detail"]
    assert (await ask(world, ORDERS, first=5))["orders"]["nodes"] == []


async def test_what_the_schema_lacks_is_an_error_with_status_200(world):
    await seeded(world)
    assert await refused(world, "{ products(first: 1) { nodes { id } } }") == (
        "Field 'products' doesn't exist on type 'QueryRoot'",
        "undefinedField",
    )
    assert (await refused(world, "{ orders(first: 1) { nodes { colour } } }"))[1] == (
        "undefinedField"
    )
    assert (await refused(world, "{ orders(first: 1) { nodes } }"))[1] == "selectionMismatch"
    assert (await refused(world, "{ orders(limit: 1) { nodes { id } } }"))[1] == (
        "argumentNotAccepted"
    )
    assert (await refused(world, "{ orders { nodes { id } } }"))[1] == "BAD_REQUEST"
    assert (await refused(world, "{ orders(first: 1 { nodes"))[1] == "parseError"
    assert (await refused(world, ORDER))[1] == "INVALID_VARIABLE"


async def test_skip_include_and_aliases_are_understood(world):
    await seeded(world)
    data = await ask(
        world,
        """query ($no: Boolean = false) {
          o: order(id: "gid://shopify/Order/450001") {
            __typename label: name email @include(if: $no) id @skip(if: $no)
            ... on Order { currencyCode }
          }
        }""",
    )
    assert data == {
        "o": {
            "__typename": "Order",
            "label": "#450001",
            "id": "gid://shopify/Order/450001",
            "currencyCode": "USD",
        }
    }


async def test_an_unknown_order_is_null(world):
    assert await ask(world, ORDER, id="gid://shopify/Order/1") == {"order": None}


async def test_a_wrong_token_is_turned_away(world):
    answer = await world.shopify.post(
        "/graphql.json", json={"query": "{ shop { name } }"}, headers={"X-Shopify-Access-Token": ""}
    )
    assert answer.status_code == 401
