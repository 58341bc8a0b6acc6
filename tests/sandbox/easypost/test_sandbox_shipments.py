"""Shipments: quoted, bought once, voided in time."""

from tests.sandbox.easypost.makers import bought, shipment
from tests.sandbox.world import until


async def test_a_shipment_is_quoted_by_two_carriers_in_text_money(world):
    answer = await world.easypost.post("/shipments", json=shipment())
    assert answer.status_code == 201
    rates = answer.json()["rates"]
    assert len({rate["carrier"] for rate in rates}) == 2
    assert len(rates) >= 3
    assert all(isinstance(rate["rate"], str) and rate["currency"] == "USD" for rate in rates)


async def test_the_same_parcel_on_the_same_way_costs_the_same(world):
    async def prices(**given):
        made = (await world.easypost.post("/shipments", json=shipment(**given))).json()
        return [rate["rate"] for rate in made["rates"]]

    assert await prices() == await prices()
    assert await prices(zip="10002") != await prices(zip="94104")


async def test_a_label_is_bought_once(world):
    parcel = await bought(world)
    assert parcel["postage_label"]["label_url"].startswith("https://")
    assert parcel["tracker"]["id"].startswith("trk_")
    assert parcel["tracking_code"] == parcel["tracker"]["tracking_code"]

    wanted = {"rate": {"id": parcel["rates"][1]["id"]}}
    again = await world.easypost.post(f"/shipments/{parcel['id']}/buy", json=wanted)
    assert (again.status_code, again.json()["error"]["code"]) == (422, "SHIPMENT.POSTAGE.EXISTS")

    (label,) = await world.ledger("labels")
    assert (label["bought"], label["voided"]) == (1, False)
    assert label["reference"] == "shop-1001:f1:label:1"
    assert label["tracking_code"] == parcel["tracking_code"]


async def test_a_shipment_is_found_by_its_reference(world):
    parcel = await bought(world)
    found = (await world.easypost.get("/shipments/shop-1001:f1:label:1")).json()
    assert found["id"] == parcel["id"]
    assert found["postage_label"] == parcel["postage_label"]


async def test_a_label_is_voided_and_refunded_later(fast_world):
    parcel = await bought(fast_world, street1="1 NEVER SCANNED ROAD")
    answer = await fast_world.easypost.post(f"/shipments/{parcel['id']}/refund")
    assert answer.json()["refund_status"] == "submitted"
    again = await fast_world.easypost.post(f"/shipments/{parcel['id']}/refund")
    assert again.status_code == 422

    def refunded():
        with fast_world.sandbox.store.transaction() as tx:
            return tx.get("easypost.shipment", parcel["id"])["refund_status"] == "refunded"

    await until(refunded)
    (label,) = await fast_world.ledger("labels")
    assert (label["bought"], label["voided"]) == (1, True)


async def test_a_parcel_needs_a_weight(world):
    wrong = shipment()
    wrong["shipment"]["parcel"]["weight"] = 0
    answer = await world.easypost.post("/shipments", json=wrong)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "PARAMETER.REQUIRED")


async def test_a_wrong_key_is_turned_away(world):
    answer = await world.easypost.get("/shipments", auth=("EZOTHER", ""))
    assert answer.status_code == 401


async def test_bought_shipments_are_listed_and_others_when_asked_for(world):
    asked = (await world.easypost.post("/shipments", json=shipment())).json()
    parcel = await bought(world)

    async def listed(**params):
        found = (await world.easypost.get("/shipments", params=params)).json()["shipments"]
        return [each["id"] for each in found]

    assert await listed() == [parcel["id"]]
    assert await listed(purchased="false") == [parcel["id"], asked["id"]]
    assert await listed(start_datetime="2999-01-01T00:00:00Z") == []
