"""fulfillmentCreate: as often as asked, until nothing is left open."""

from tests.sandbox.shopify.orders import CREATE, ORDER, ask, refused, seeded

GID = "gid://shopify/Order/450001"


async def look(world):
    return (await ask(world, ORDER, id=GID))["order"]


async def ship(world, opened, number, **units):
    group = {"fulfillmentOrderId": opened["id"]}
    if units:
        lines = [line["id"] for line in opened["lineItems"]["nodes"]]
        group["fulfillmentOrderLineItems"] = [
            {"id": lines[int(place[1:])], "quantity": count} for place, count in units.items()
        ]
    given = {
        "lineItemsByFulfillmentOrder": [group],
        "trackingInfo": {"company": "USPS", "number": number, "url": f"https://t.test/{number}"},
    }
    return (await ask(world, CREATE, fulfillment=given))["fulfillmentCreate"]


async def test_an_order_is_shipped_in_two_parts(world):
    await seeded(world)
    (opened,) = (await look(world))["fulfillmentOrders"]["nodes"]
    first = await ship(world, opened, "T1", l0=2)
    assert first["userErrors"] == []

    seen = await look(world)
    assert seen["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    (opened,) = seen["fulfillmentOrders"]["nodes"]
    assert opened["status"] == "IN_PROGRESS"
    assert [line["remainingQuantity"] for line in opened["lineItems"]["nodes"]] == [0, 1]

    await ship(world, opened, "T2")
    seen = await look(world)
    assert seen["displayFulfillmentStatus"] == "FULFILLED"
    numbers = [each["trackingInfo"][0]["number"] for each in seen["fulfillments"]]
    assert numbers == ["T1", "T2"]
    ledger = await world.ledger("fulfillments")
    assert [(line["order"], line["tracking_number"], line["units"]) for line in ledger] == [
        ("450001", "T1", 2),
        ("450001", "T2", 1),
    ]


async def test_the_same_request_twice_is_two_fulfillments(world):
    await seeded(world)
    (opened,) = (await look(world))["fulfillmentOrders"]["nodes"]
    await ship(world, opened, "T1", l0=1)
    await ship(world, opened, "T1", l0=1)
    assert len((await look(world))["fulfillments"]) == 2
    assert len(await world.ledger("fulfillments")) == 2


async def test_what_is_closed_or_too_much_is_a_user_error(world):
    await seeded(world)
    (opened,) = (await look(world))["fulfillmentOrders"]["nodes"]
    too_much = await ship(world, opened, "T1", l0=3)
    assert too_much["fulfillment"] is None
    assert too_much["userErrors"] == [
        {
            "field": ["fulfillment"],
            "message": "Invalid fulfillment order line item quantity requested.",
        }
    ]
    await ship(world, opened, "T1")
    closed = await ship(world, opened, "T2")
    assert "has an unfulfillable status= closed." in closed["userErrors"][0]["message"]
    nowhere = await ship(world, {"id": "gid://shopify/FulfillmentOrder/1"}, "T3")
    assert nowhere["userErrors"][0]["message"] == "Fulfillment order does not exist."
    assert len(await world.ledger("fulfillments")) == 1


async def test_a_mutation_that_asks_for_the_impossible_changes_nothing(world):
    await seeded(world)
    (opened,) = (await look(world))["fulfillmentOrders"]["nodes"]
    wrong = CREATE.replace("fulfillment { id", "fulfillment { colour id")
    given = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": opened["id"]}]}
    assert (await refused(world, wrong, fulfillment=given))[1] == "undefinedField"
    assert (await look(world))["fulfillments"] == []
    assert await world.ledger("fulfillments") == []
