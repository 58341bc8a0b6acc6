"""Faults that an answer can show; cut connections need a real server."""

import time

import pytest

from tests.sandbox.easypost.makers import shipment
from tests.sandbox.stripe.forms import hold


async def test_429_says_when_to_come_back_and_has_no_effect(world):
    await world.fault(vendor="stripe", method="POST", kind="http_429", retry_after=7)
    refused = await world.stripe.post("/payment_intents", data=hold())
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert await world.ledger("payments") == []
    assert (await world.stripe.post("/payment_intents", data=hold())).status_code == 200
    log = (await world.control.get("/ledger/requests")).json()
    assert [(line["status"], line["fault"]) for line in log] == [(429, "http_429"), (200, None)]


async def test_500_comes_as_often_as_told(world):
    await world.fault(vendor="easypost", path_prefix="/v2/shipments", kind="http_500", times=2)
    answers = [await world.easypost.post("/shipments", json=shipment()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 201]


async def test_a_fault_can_let_some_pass_first_and_hits_only_its_own(world):
    await world.fault(vendor="stripe", method="POST", kind="http_500", skip=1)
    assert (await world.stripe.get("/payment_intents")).status_code == 200
    assert (await world.easypost.get("/shipments")).status_code == 200
    answers = [await world.stripe.post("/payment_intents", data=hold()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 500, 200]


async def test_a_fault_can_be_aimed_at_one_order(world):
    aimed = {"vendor": "easypost", "method": "POST", "about": '"shop-2:'}
    await world.fault(kind="http_500", **aimed)
    references = ("shop-1:f1:label:1", "shop-2:f1:label:1", "shop-2:f1:label:1")
    answers = [await world.easypost.post("/shipments", json=shipment(each)) for each in references]
    assert [answer.status_code for answer in answers] == [201, 500, 201]


async def test_a_vendor_can_be_told_to_say_no(world):
    await world.fault(vendor="easypost", method="POST", kind="refused")
    answer = await world.easypost.post("/shipments", json=shipment())
    assert answer.status_code == 422
    made = (await world.stripe.post("/payment_intents", data=hold())).json()
    await world.fault(vendor="stripe", method="POST", kind="refused")
    answer = await world.stripe.post(f"/payment_intents/{made['id']}/capture")
    assert answer.status_code == 400
    (payment,) = await world.ledger("payments")
    assert payment["captures"] == 0


async def test_a_delay_delays(world):
    await world.fault(vendor="shopify", kind="delay", seconds=0.1)
    begun = time.monotonic()
    await world.shopify.post("/graphql.json", json={"query": "{ shop { name } }"})
    assert time.monotonic() - begun >= 0.1


async def test_faults_are_listed_and_cleared(world):
    await world.fault(vendor="stripe", kind="http_500", times=3)
    (listed,) = (await world.control.get("/faults")).json()
    assert (listed["kind"], listed["times"]) == ("http_500", 3)
    assert (await world.control.delete("/faults")).status_code == 204
    assert (await world.control.get("/faults")).json() == []
    assert (await world.stripe.get("/payment_intents")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"vendor": "stripe", "kind": "earthquake"},
        {"vendor": "stripe", "kind": "delay", "colour": "red"},
        {"vendor": "stripe", "kind": "delay", "times": 0},
        {"vendor": "stripe", "kind": "delay", "seconds": -1},
        {"vendor": "stripe"},
    ],
)
async def test_a_fault_nobody_knows_is_refused(world, wrong):
    answer = await world.control.post("/faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["detail"]
