"""EasyPost's own list of labels: asked as it documents, its official answer read in our words."""

from datetime import UTC, datetime

import pytest

from activities.connectors.carrier.easypost.gateway import EasyPostGateway, easypost_client
from activities.connectors.carrier.port import LabelPage, LabelRecord

SINCE = datetime(2026, 11, 1, 12, tzinfo=UTC)
# Source: https://docs.easypost.com/docs/shipments#retrieve-a-list-of-shipments
DOCUMENTED = {"before_id", "after_id", "start_datetime", "end_datetime", "page_size", "purchased"}


@pytest.fixture
def gateway(vendor) -> EasyPostGateway:
    client = easypost_client("https://api.easypost.test", "EZTK1", transport=vendor.transport)
    return EasyPostGateway(client)


def asked(vendor) -> dict[str, str]:
    request = vendor.last
    assert (request.method, request.url.path) == ("GET", "/v2/shipments")
    assert request.headers["Authorization"].startswith("Basic ")
    assert not request.content
    params = dict(request.url.params)
    assert params.keys() <= DOCUMENTED
    return params


async def test_labels_are_listed_page_by_page(gateway, vendor, shipment):
    vendor.answers({"shipments": [shipment(id="shp_2"), shipment(id="shp_1")], "has_more": True})
    vendor.answers({"shipments": [], "has_more": False})
    first = await gateway.list_labels(SINCE, None)
    assert asked(vendor) == {
        "page_size": "100", "purchased": "true", "start_datetime": "2026-11-01T12:00:00Z",
    }  # fmt: skip
    assert [label.vendor_shipment_id for label in first.labels] == ["shp_2", "shp_1"]
    assert first.next_cursor == "shp_1"
    assert await gateway.list_labels(SINCE, "shp_1") == LabelPage((), None)
    assert asked(vendor)["before_id"] == "shp_1"


async def test_the_official_list_is_read(gateway, vendor, official):
    vendor.answers(official("shipments/shipments-list"))
    page = await gateway.list_labels(SINCE, None)
    shipment_id = "shp_8e48909e1fa747acb2a359b4fd838f70"
    assert page == LabelPage(
        (LabelRecord(shipment_id, "9405500208303109884168", voided=False, reference=None),),
        shipment_id,
    )


async def test_what_is_not_bought_is_no_label_and_what_is_asked_back_is_void(
    gateway, vendor, shipment, unbought
):
    back = shipment(id="shp_3", refund_status="submitted", reference="shop-1:f1:label:1")
    vendor.answers({"shipments": [unbought, back], "has_more": False})
    page = await gateway.list_labels(SINCE, None)
    assert page.labels == (LabelRecord("shp_3", "EZ1", voided=True, reference="shop-1:f1:label:1"),)
