"""Addresses: normalised when they exist, refused when they do not."""

import pytest

from tests.sandbox.easypost.makers import address


async def test_a_good_address_is_normalised(world):
    answer = await world.easypost.post(
        "/addresses/create_and_verify", json={"address": address(street1="  417  Montgomery st ")}
    )
    assert answer.status_code == 201
    found = answer.json()["address"]
    assert (found["street1"], found["city"]) == ("417 MONTGOMERY ST", "SAN FRANCISCO")
    assert found["verifications"]["delivery"]["success"] is True
    assert (await world.easypost.get(f"/addresses/{found['id']}")).json() == found


@pytest.mark.parametrize(
    "wrong",
    [{"street1": "1 Undeliverable Way"}, {"street2": "undeliverable"}, {"zip": "00000"}],
)
async def test_a_bad_address_is_a_verify_failure(world, wrong):
    answer = await world.easypost.post(
        "/addresses/create_and_verify", json={"address": address(**wrong)}
    )
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "ADDRESS.VERIFY.FAILURE"
    assert error["errors"][0]["code"] == "E.ADDRESS.NOT_FOUND"

    strict = {"address": address(**wrong), "verify_strict": True}
    assert (await world.easypost.post("/addresses", json=strict)).status_code == 422


async def test_without_strictness_the_failure_is_in_the_address(world):
    given = {"address": address(zip="00000"), "verify": True}
    answer = await world.easypost.post("/addresses", json=given)
    assert answer.status_code == 201
    assert answer.json()["verifications"]["delivery"]["success"] is False
    assert answer.json()["city"] == "San Francisco"


async def test_an_address_not_to_be_verified_is_kept_as_given(world):
    answer = await world.easypost.post("/addresses", json={"address": address()})
    assert answer.json()["verifications"] == {}
    assert answer.json()["phone"] == "14151234567"


async def test_a_body_that_is_no_address_is_refused(world):
    for body in ({}, {"address": {"city": "X"}}):
        answer = await world.easypost.post("/addresses", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "PARAMETER.REQUIRED")
    assert (await world.easypost.post("/addresses", content=b"{")).status_code == 400
