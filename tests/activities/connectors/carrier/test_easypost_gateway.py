"""EasyPost: requests compared with its official ones field for field, answers read in our words."""

import dataclasses
import json
from datetime import UTC, datetime

import httpx
import pytest

from activities.connectors.carrier.easypost.gateway import EasyPostGateway, easypost_client
from activities.connectors.carrier.port import CreateShipment, Parcel
from activities.connectors.errors import Misconfigured, NotSent, OutcomeUnknown, Rejected
from domain.address import Address
from domain.tracking import TrackingStatus, fold

BUYER = Address(
    name="Ann Lee",
    line1="179 N Harbor Dr",
    line2="Apt 2",
    city="Redondo Beach",
    region="CA",
    postal_code="90277",
    country="US",
    phone="8573875756",
)
WAREHOUSE = dataclasses.replace(BUYER, name="Warehouse", line2=None, phone=None)
PARCEL = Parcel(weight_g=1869, length_mm=513, width_mm=277, height_mm=127)
SHIPMENT = CreateShipment("shop-1001-f1", WAREHOUSE, BUYER, PARCEL)


@pytest.fixture
def gateway(vendor) -> EasyPostGateway:
    client = easypost_client("https://api.easypost.test", "EZTK1", transport=vendor.transport)
    return EasyPostGateway(client)


async def test_an_address_is_verified_strictly_and_normalised(gateway, vendor, curl, official):
    vendor.answers(official("addresses/addresses-verify")["address"])
    found = await gateway.verify_address(BUYER)
    example = curl("addresses/verify-strict-param", address={"name": "", "street2": ""})
    example.body["verify_strict"] = True
    assert example.check(vendor.last)["verify_strict"] is True
    assert found == Address(
        name="Ann Lee",
        line1="417 MONTGOMERY ST FL 5",
        line2=None,
        city="SAN FRANCISCO",
        region="CA",
        postal_code="94104-1129",
        country="US",
        phone="8573875756",
        latitude=37.79342,
        longitude=-122.40288,
    )


async def test_an_address_nobody_finds_is_undeliverable(gateway, vendor, official):
    vendor.answers(official("addresses/addresses-verify-strict-param"), 422)
    with pytest.raises(Rejected) as caught:
        await gateway.verify_address(BUYER)
    assert caught.value.code == "address_undeliverable"


async def test_an_unverified_address_in_a_good_answer_is_undeliverable(gateway, vendor, official):
    vendor.answers(official("addresses/addresses-verify-param"))
    with pytest.raises(Rejected) as caught:
        await gateway.verify_address(BUYER)
    assert caught.value.code == "address_undeliverable"


async def test_an_address_without_coordinates_keeps_ours(gateway, vendor, official):
    vendor.answers(official("addresses/addresses-create"))
    ours = dataclasses.replace(BUYER, latitude=1.5, longitude=2.5)
    found = await gateway.verify_address(ours)
    assert (found.latitude, found.longitude) == (1.5, 2.5)


async def test_a_shipment_is_created_as_the_official_example_is(gateway, vendor, curl, official):
    vendor.answers(official("shipments/shipments-create"))
    created = await gateway.create_shipment(SHIPMENT)
    example = curl("shipments/create")
    example.body["shipment"]["reference"] = ""  # documented, though not in the example
    example.body["shipment"]["to_address"]["street2"] = ""
    ours = example.check(vendor.last)["shipment"]
    assert ours["reference"] == "shop-1001-f1"
    assert ours["parcel"] == {"length": "20.2", "width": "11.0", "height": "5.0", "weight": "66.0"}
    assert "street2" not in ours["from_address"]
    assert created.vendor_shipment_id.startswith("shp_")
    rates = {rate.service: rate for rate in created.rates}
    assert rates["Priority"].amount_minor == 1101
    assert (rates["Priority"].currency, rates["Priority"].delivery_days) == ("USD", 2)


async def test_no_rates_is_a_refusal_with_the_carriers_words(gateway, vendor, unbought):
    messages = [{"carrier": "USPS", "message": "too heavy"}]
    vendor.answers(unbought | {"rates": [], "messages": messages})
    with pytest.raises(Rejected) as caught:
        await gateway.create_shipment(SHIPMENT)
    assert (caught.value.code, caught.value.detail) == ("no_rates", "USPS: too heavy")


@pytest.mark.parametrize("field", ["weight_g", "length_mm", "width_mm", "height_mm"])
async def test_a_parcel_without_a_measure_is_not_sent(gateway, vendor, field):
    parcel = dataclasses.replace(PARCEL, **{field: 0})
    with pytest.raises(Rejected) as caught:
        await gateway.create_shipment(dataclasses.replace(SHIPMENT, parcel=parcel))
    assert (caught.value.code, vendor.requests) == ("parcel_invalid", [])


async def test_a_label_is_bought_with_a_rate(gateway, vendor, curl, official):
    vendor.answers(official("shipments/shipments-buy"))
    label = await gateway.buy_label("shp_40b6f049f00348b18de3804a26f7fd62", "rate_5d7")
    assert curl("shipments/buy").check(vendor.last) == {"rate": {"id": "rate_5d7"}}
    assert label.tracking_number == "9434600208303109842228"
    assert (label.carrier, label.service) == ("USPS", "GroundAdvantage")
    assert (label.amount_minor, label.currency) == (820, "USD")
    assert label.tracker_id == "trk_bebe7357cc7e4ebc9248bdd7191084af"
    assert label.label_url.endswith(".png")
    assert not label.voided


POSTAGE_EXISTS = {"error": {"code": "SHIPMENT.POSTAGE.EXISTS", "message": "already"}}


async def test_a_label_bought_before_is_answered_not_bought_again(gateway, vendor, shipment):
    vendor.answers(POSTAGE_EXISTS, 422).answers(shipment())
    label = await gateway.buy_label("shp_1", "rate_1")
    assert label.tracking_number == "EZ1"
    assert [request.method for request in vendor.requests] == ["POST", "GET"]


async def test_a_purchase_without_a_label_in_sight_is_open(gateway, vendor, unbought):
    vendor.answers(unbought)
    with pytest.raises(OutcomeUnknown):
        await gateway.buy_label("shp_1", "rate_1")


async def test_a_label_that_exists_but_cannot_be_found_is_open(gateway, vendor, unbought):
    vendor.answers(POSTAGE_EXISTS, 422).answers(unbought)
    with pytest.raises(OutcomeUnknown):
        await gateway.buy_label("shp_1", "rate_1")


async def test_a_purchase_beside_another_is_open_and_not_refused(gateway, vendor):
    vendor.answers({"error": {"code": "SHIPMENT.PURCHASE.IN_PROGRESS"}}, 422)
    with pytest.raises(OutcomeUnknown):
        await gateway.buy_label("shp_1", "rate_1")


async def test_what_was_cut_after_buying_is_found_by_lookup(gateway, vendor, curl, shipment):
    vendor.fails(httpx.ReadError("cut")).answers(shipment())
    with pytest.raises(OutcomeUnknown):
        await gateway.buy_label("shp_1", "rate_1")
    label = await gateway.find_label("shp_1")
    curl("shipments/retrieve").check(vendor.last)
    assert label is not None
    assert label.tracking_number == "EZ1"


async def test_nothing_bought_is_nothing_found(gateway, vendor, official):
    answer = official("shipments/shipments-retrieve")
    vendor.answers(answer)
    assert await gateway.find_label(answer["id"]) is None


async def test_a_label_is_voided_by_asking_the_postage_back(gateway, vendor, official):
    answer = official("shipping-refund/shipping-refund-refund")
    vendor.answers(answer)
    shipment = answer["id"]
    await gateway.void_label(shipment)
    assert (vendor.last.method, vendor.last.url.path) == (
        "POST", f"/v2/shipments/{shipment}/refund"
    )  # fmt: skip
    label = await gateway.find_label(shipment)
    assert label is not None
    assert label.voided


UNAVAILABLE = {"error": {"code": "SHIPMENT.REFUND.UNAVAILABLE", "message": "no"}}


async def test_a_label_voided_before_is_no_error(gateway, vendor, shipment):
    vendor.answers(UNAVAILABLE, 422).answers(shipment(refund_status="submitted"))
    await gateway.void_label("shp_1")


async def test_a_label_in_use_cannot_be_voided(gateway, vendor, shipment):
    vendor.answers(UNAVAILABLE, 422).answers(shipment())
    with pytest.raises(Rejected) as caught:
        await gateway.void_label("shp_1")
    assert caught.value.code == "label_not_voidable"


async def test_a_parcel_is_tracked_with_its_history(gateway, vendor, curl, official):
    vendor.answers(official("trackers/trackers-retrieve"))
    tracking = await gateway.track("trk_9135862729734d96ad2f9ed0f0565a27")
    curl("trackers/retrieve").check(vendor.last)
    assert tracking.status is TrackingStatus.PENDING
    assert [event.description for event in tracking.events] == [
        "Pre-Shipment Info Sent to USPS",
        "Shipping Label Created",
    ]
    assert tracking.events[0].occurred_at == datetime(2025, 4, 9, 20, 40, 17, tzinfo=UTC)
    assert tracking.estimated_delivery == datetime(2025, 5, 9, 20, 40, 17, tzinfo=UTC)


async def test_the_same_scan_has_the_same_id_each_time(gateway, vendor, official):
    vendor.answers(official("trackers/trackers-retrieve"))
    first, second = await gateway.track("trk_1"), await gateway.track("trk_1")
    ids = [event.event_id for event in first.events]
    assert ids == [event.event_id for event in second.events]
    assert len(set(ids)) == len(ids)


async def test_every_official_tracker_folds_without_a_guess(gateway, vendor, official):
    for tracker in official("trackers/trackers-list")["trackers"]:
        vendor.answers(tracker).answers(tracker)
        tracking = await gateway.track(tracker["id"])
        assert fold(TrackingStatus.UNKNOWN, tracking.events) in TrackingStatus


async def test_a_status_we_do_not_know_is_unknown(gateway, vendor):
    detail = {"status": "levitating", "datetime": "2026-11-22T10:00:00Z", "message": "?"}
    vendor.answers(
        {
            "id": "trk_1",
            "tracking_code": "EZ1",
            "status": "levitating",
            "tracking_details": [detail, {"status": "in_transit", "datetime": None}],
        }
    )
    tracking = await gateway.track("trk_1")
    assert tracking.status is TrackingStatus.UNKNOWN
    assert [event.status for event in tracking.events] == [TrackingStatus.UNKNOWN]


async def test_an_empty_balance_wakes_a_person(gateway, vendor):
    vendor.answers({"error": {"code": "BILLING.INSUFFICIENT_FUNDS"}}, 402)
    with pytest.raises(Misconfigured):
        await gateway.buy_label("shp_1", "rate_1")


async def test_a_price_that_is_none_leaves_a_purchase_open(gateway, vendor, shipment):
    rate = shipment()["selected_rate"] | {"rate": "free"}
    vendor.answers(shipment(selected_rate=rate))
    with pytest.raises(OutcomeUnknown):
        await gateway.buy_label("shp_1", "rate_1")
    with pytest.raises(NotSent):
        await gateway.find_label("shp_1")


def test_the_official_examples_are_read_as_json(curl):
    assert json.dumps(curl("shipments/create").body)
