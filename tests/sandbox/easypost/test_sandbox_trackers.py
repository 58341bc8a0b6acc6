"""Trackers: the compressed journey, told by webhook and on request."""

from tests.sandbox.easypost.makers import bought
from tests.sandbox.world import until


async def test_a_parcel_travels_to_the_door(fast_world):
    parcel = await bought(fast_world)
    await until(lambda: len(fast_world.receiver.taken) == 5)
    events = fast_world.receiver.events("easypost")
    assert [event["result"]["status"] for event in events] == [
        "pre_transit",
        "in_transit",
        "in_transit",
        "out_for_delivery",
        "delivered",
    ]
    seen = (await fast_world.easypost.get(f"/trackers/{parcel['tracker']['id']}")).json()
    assert seen["status"] == "delivered"
    assert len(seen["tracking_details"]) == 5
    listed = await fast_world.easypost.get(
        "/trackers", params={"tracking_code": parcel["tracking_code"]}
    )
    assert [tracker["id"] for tracker in listed.json()["trackers"]] == [seen["id"]]
    assert (await fast_world.ledger("labels"))[0]["status"] == "delivered"


async def test_a_voided_parcel_goes_nowhere(world):
    parcel = await bought(world)
    await until(lambda: world.receiver.taken)
    await world.easypost.post(f"/shipments/{parcel['id']}/refund")
    await until(lambda: len(world.receiver.taken) == 2)
    assert world.receiver.events("easypost")[-1]["result"]["status"] == "cancelled"


async def test_a_parcel_that_moved_is_not_refunded(fast_world):
    parcel = await bought(fast_world)
    await until(lambda: len(fast_world.receiver.taken) >= 2)
    answer = await fast_world.easypost.post(f"/shipments/{parcel['id']}/refund")
    assert answer.json()["refund_status"] == "submitted"
    await until(lambda: len(fast_world.receiver.taken) == 5)
    seen = (await fast_world.easypost.get(f"/shipments/{parcel['id']}")).json()
    assert (seen["refund_status"], seen["status"]) == ("rejected", "delivered")
    assert (await fast_world.ledger("labels"))[0]["voided"] is False


async def test_a_street_can_ask_for_trouble(fast_world):
    await bought(fast_world, street1="1 Return To Sender Lane")
    await until(lambda: len(fast_world.receiver.taken) == 5)
    assert fast_world.receiver.events("easypost")[-1]["result"]["status"] == "return_to_sender"


async def test_a_parcel_that_was_given_up_may_turn_up(fast_world):
    await bought(fast_world, street1="1 Turns Up Lane")
    await until(lambda: len(fast_world.receiver.taken) == 5)
    results = [event["result"] for event in fast_world.receiver.events("easypost")]
    assert (results[3]["status"], results[3]["status_detail"]) == ("failure", "lost")
    assert results[4]["status"] == "delivered"


async def test_a_parcel_may_be_damaged(fast_world):
    await bought(fast_world, street1="1 Damaged Lane")
    await until(lambda: len(fast_world.receiver.taken) == 4)
    result = fast_world.receiver.events("easypost")[-1]["result"]
    assert (result["status"], result["status_detail"]) == ("failure", "damaged")


async def test_only_the_first_parcel_to_a_street_may_be_in_trouble(fast_world):
    parcels = [await bought(fast_world, street1="1 Damaged Once Lane") for _ in range(2)]
    await until(lambda: len(fast_world.receiver.taken) == 9)
    ends = {
        event["result"]["id"]: event["result"]["status"]
        for event in fast_world.receiver.events("easypost")
    }
    assert [ends[parcel["tracker"]["id"]] for parcel in parcels] == ["failure", "delivered"]
