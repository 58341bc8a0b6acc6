"""The catalogue over HTTP: put, changed by whoever saw it last, retired or deleted, audited."""

import asyncio
from typing import Any

import pytest

from db.engine import run
from db.inbox import catalog as kept
from tests.api.world import Api, is_sent_away

PRODUCT = {"name": "Mug", "weight_g": 300, "length_mm": 100, "width_mm": 90, "height_mm": 110}
ADDRESS = {
    "name": "Ann Keeper", "line1": "Dock 1", "city": "Porto", "postal_code": "4000-001",
    "country": "PT", "phone": "+351 1",
}  # fmt: skip
LOCATION = {"pool": "main", "name": "Porto", "address": ADDRESS}
CHANNEL = {"name": "Mall", "kind": "api", "pool": "main", "currencies": ["EUR"]}
ACCOUNT = {"vendor": "easypost", "carrier": "UPS", "reference": "ca_1", "credential": "key"}
GTIN = "4006381333931"


async def audited(api: Api, subject: str) -> list[tuple[str, Any, Any]]:
    found = await api.sql(
        "SELECT action, before, after FROM audit_log WHERE subject = :s ORDER BY audit_id",
        s=subject,
    )
    return [tuple(each) for each in found]


async def put(api: Api, path: str, body: dict[str, Any]) -> Any:
    answer = await api.client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def faults(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: each["detail"] for each in answer.json()["errors"]}


async def test_a_product_is_put_changed_and_put_anew(api: Api) -> None:
    trade = {"barcodes": [GTIN, "036000291452"], "hs_code": "6912.00", "origin": "PT"}
    made = await put(api, "/products/MUG/1", {**PRODUCT, **trade})
    assert (made["hs_code"], made["origin"], made["version"]) == ("691200", "PT", 1)
    change = {"version": 1, "weight_g": 310, "hs_code": None}
    changed = (await api.client.patch("/products/MUG/1", json=change)).json()
    assert changed == made | {"weight_g": 310, "hs_code": None, "version": 2}
    assert (await api.client.get("/products/MUG/1")).json() == changed
    anew = await put(api, "/products/MUG/1", {**PRODUCT, "version": 2})
    assert (anew["barcodes"], anew["weight_g"], anew["version"]) == ([], 300, 3)
    told = await audited(api, "MUG/1")
    assert [action for action, *_ in told] == ["ProductCreated", *["ProductChanged"] * 2]
    assert told[0][2]["barcodes"] == trade["barcodes"]
    assert told[1][1:] == (
        {"weight_g": 300, "hs_code": "691200"},
        {"weight_g": 310, "hs_code": None},
    )


async def test_the_same_again_changes_nothing(api: Api) -> None:
    for _ in range(2):
        assert (await put(api, "/products/same", PRODUCT))["version"] == 1
    assert len(await audited(api, "same")) == 1


async def test_of_two_who_saw_the_same_version_one_is_told(api: Api) -> None:
    await put(api, "/products/race", PRODUCT)
    answers = await asyncio.gather(
        *(
            api.client.patch("/products/race", json={"version": 1, "weight_g": weight})
            for weight in (1, 2, 3)
        )
    )
    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    stale = next(each.json() for each in answers if each.status_code == 409)
    assert (stale["code"], stale["version"]) == ("stale_version", 2)
    first = await api.client.put("/products/race", json={**PRODUCT, "version": 0})
    assert first.json()["code"] == "stale_version"
    assert len(await audited(api, "race")) == 2


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("barcodes", ["4006381333930"], "check digit of 4006381333930 must be 1"),
        ("barcodes", ["123"], "8, 12, 13 or 14 digits"),
        ("barcodes", [GTIN, GTIN], "nothing is named twice"),
        ("hs_code", "69120", "6, 8 or 10 digits"),
        ("origin", "ZZ", "no country"),
        ("weight_g", 0, "greater than or equal to 1"),
        ("weight_g", "300", "valid integer"),
        ("name", None, "valid string"),
        ("colour", "red", "Extra inputs"),
    ],
)
async def test_what_no_product_may_say_is_named_by_its_place(
    api: Api, field: str, value: Any, why: str
) -> None:
    await put(api, "/products/checked", PRODUCT)
    for send, body in (
        (api.client.put, {**PRODUCT, field: value}),
        (api.client.patch, {"version": 1, field: value}),
    ):
        found = faults(await send("/products/checked", json=body))
        assert any(
            place.startswith(f"/{field}") and why in said for place, said in found.items()
        ), found
    assert (await api.client.get("/products/checked")).json()["version"] == 1


async def test_a_barcode_belongs_to_one_product(api: Api) -> None:
    code = "96385074"
    await put(api, "/products/first", {**PRODUCT, "barcodes": [code]})
    taken = await api.client.put("/products/second", json={**PRODUCT, "barcodes": [code]})
    assert faults(taken) == {"/barcodes": f"{code} belongs to 'first'"}
    assert (await api.client.get("/products/second")).status_code == 404
    found = (await api.client.get("/products", params={"barcode": code})).json()["items"]
    assert [each["sku"] for each in found] == ["first"]
    await api.client.patch("/products/first", json={"version": 1, "barcodes": []})
    await put(api, "/products/second", {**PRODUCT, "barcodes": [code]})


async def test_a_location_has_hours_holidays_and_a_cut_off(api: Api) -> None:
    hours = {"mon": ["09:00-12:00", "13:00-17:00"], "sat": ["10:00-24:00"]}
    body = {**LOCATION, "time_zone": "Europe/Lisbon", "opening": hours, "cut_off": "14:00",
            "holidays": ["2026-12-25"], "ships": False, "capabilities": ["pickup"]}  # fmt: skip
    made = await put(api, "/locations/porto", body)
    closed = {day: [] for day in ("tue", "wed", "thu", "fri", "sun")}
    assert made["opening"] == hours | closed
    assert (made["holidays"], made["cut_off"], made["ships"]) == (["2026-12-25"], "14:00", False)
    for wrong, why in (
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"opening": {"mon": ["9-17"]}}, "written 09:00-17:00"),
        ({"opening": {"mon": ["13:00-17:00", "09:00-12:00"]}}, "one span after another"),
        ({"cut_off": "25:00"}, "match pattern"),
        ({"holidays": ["25.12.2026"]}, "YYYY-MM-DD"),
        ({"pool": "moon"}, "'moon' is unknown"),
        ({"pool": "other"}, "stays 'main'"),
    ):
        answer = await api.client.patch("/locations/porto", json={"version": 1, **wrong})
        assert answer.status_code == 422
        assert why in answer.text, wrong
    told = await audited(api, "porto")
    assert told[0][2]["address"]["city"] == "Porto"
    assert {"name", "phone"}.isdisjoint(told[0][2]["address"]), "a person's, in a log that stays"


async def test_what_nothing_refers_to_is_deleted_and_the_rest_retired(api: Api) -> None:
    await put(api, "/products/brief", PRODUCT)
    gone = await api.client.delete("/products/brief", params={"version": 1})
    assert gone.json() == {"code": "brief", "status": "deleted"}
    assert (await api.client.get("/products/brief")).status_code == 404
    assert (await api.client.delete("/products/brief")).status_code == 404
    await put(api, "/products/stocked", PRODUCT)
    await api.sql("INSERT INTO pool_levels (pool, sku) VALUES ('other', 'stocked')")
    assert (await api.client.delete("/products/stocked")).json()["status"] == "retired"
    assert (await api.client.get("/products/stocked")).json()["active"] is False
    assert [each[0] for each in await audited(api, "brief")] == ["ProductCreated", "ProductDeleted"]
    assert (await audited(api, "stocked"))[-1] == (
        "ProductRetired",
        {"active": True},
        {"active": False},
    )


async def test_an_order_that_is_not_admitted_yet_keeps_its_product(api: Api) -> None:
    await put(api, "/products/wanted", PRODUCT)
    line = {"sku": "wanted", "quantity": 1, "unit_price_minor": 2_000}
    document = api.document("wait", lines=[line], channel="shop")
    placed = await api.place(document, Prefer="respond-async")
    assert placed.status_code in (201, 202), placed.text
    await api.sql(
        "UPDATE inbox SET state = 'new', handled_at = NULL WHERE external_id = :e",
        e=document["external_id"],
    )
    assert (await api.client.delete("/products/wanted")).json()["status"] == "retired"
    await api.sql(
        "UPDATE inbox SET state = 'handled' WHERE external_id = :e", e=document["external_id"]
    )


async def test_new_orders_for_what_was_retired_are_refused_and_known_ones_go_on(api: Api) -> None:
    await put(api, "/products/old", PRODUCT)
    await put(api, "/channels/closing", {**CHANNEL, "on_out_of_stock": "backorder"})
    line = {"sku": "old", "quantity": 1, "unit_price_minor": 2_000}
    document = api.document("late", lines=[line], channel="closing", currency="EUR")
    first = await api.place(document)
    await api.client.patch("/products/old", json={"version": 1, "active": False})
    await api.client.patch("/channels/closing", json={"version": 1, "active": False})
    again = await api.place(document)
    assert again.status_code == first.status_code
    refused = await api.place({**document, "external_id": f"{document['external_id']}x"})
    assert faults(refused) == {
        "/channel": "'closing' was retired",
        "/lines/0/sku": "'old' was retired",
    }


async def test_a_pool_with_locations_cannot_go(api: Api) -> None:
    await put(api, "/pools/empty", {"name": "Nothing yet"})
    assert (await api.client.delete("/pools/empty")).json()["status"] == "deleted"
    kept = await api.client.delete("/pools/main")
    assert (kept.status_code, kept.json()["code"]) == (409, "in_use")
    shown = (await api.client.get("/pools/main")).json()
    assert {"east", "west"} <= set(shown["locations"])


async def lies(api: Api, location: str, pool: str, sku: str, units: int) -> None:
    """So many units are there: no more, no less."""
    await api.sql(
        "INSERT INTO pool_levels (pool, sku, on_hand) VALUES (:p, :s, :n)"
        " ON CONFLICT (pool, sku) DO UPDATE SET on_hand = :n",
        p=pool, s=sku, n=units,
    )  # fmt: skip
    await api.sql(
        "INSERT INTO location_levels (location, sku, on_hand) VALUES (:l, :s, :n)"
        " ON CONFLICT (location, sku) DO UPDATE SET on_hand = :n",
        l=location, s=sku, n=units,
    )  # fmt: skip


async def test_a_location_in_which_units_lie_stays_open(api: Api) -> None:
    hall = {**LOCATION, "pool": "other"}
    await put(api, "/locations/hall", hall)
    for sku, units in (("lying-1", 5), ("lying-2", 1)):
        await put(api, f"/products/{sku}", PRODUCT)
        await lies(api, "hall", "other", sku, units)
    why = "6 units of 2 SKUs lie there: count them out or move them first"
    for answer, said in (
        (await api.client.delete("/locations/hall"), why),
        (await change(api, "hall", active=False), f"active: {why}"),
        (await change(api, "hall", ships=False), f"ships: {why}"),
        (await api.client.put("/locations/hall", json={**hall, "ships": False}), f"ships: {why}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use"), answer.text
        assert answer.json()["detail"] == said
    assert (await change(api, "hall", name="Hall")).json()["version"] == 2
    for sku in ("lying-1", "lying-2"):
        await lies(api, "hall", "other", sku, 0)
    assert (await change(api, "hall", 2, ships=False)).status_code == 200
    assert (await api.client.delete("/locations/hall")).json()["status"] == "retired"


async def change(api: Api, location: str, seen: int = 1, **said: Any) -> Any:
    return await api.client.patch(f"/locations/{location}", json={"version": seen, **said})


async def test_the_last_location_of_a_pool_out_of_which_is_sold_stays_open(api: Api) -> None:
    await put(api, "/pools/solo", {})
    for place in ("one", "two"):
        await put(api, f"/locations/{place}", {**LOCATION, "pool": "solo"})
    await put(api, "/channels/solo", {**CHANNEL, "pool": "solo"})
    assert (await change(api, "one", active=False)).status_code == 200
    why = "no other of its pool is active, and channels sell out of it"
    for answer in (
        await change(api, "two", active=False),
        await api.client.delete("/locations/two"),
    ):
        assert answer.json()["code"] == "in_use", answer.text
        assert answer.json()["detail"].endswith(why)
    await api.client.delete("/channels/solo")
    assert (await api.client.delete("/locations/two")).json()["status"] == "deleted"


async def somebody_waits(api: Api) -> None:
    """Until a statement of ours stands before another's lock."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20):
        while True:
            if await api.sql(waiting):
                return
            await asyncio.sleep(0.01)


async def test_who_would_wait_for_a_long_import_is_sent_away(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(api, "/products/busy", PRODUCT)
    monkeypatch.setattr("api.catalog.LOCK_PATIENCE_S", 0.05)
    async with api.engine.begin() as tx:
        await kept.lock(tx, kept.PRODUCTS)
        for answer in (
            await api.client.patch("/products/busy", json={"version": 1, "weight_g": 2}),
            await api.client.put("/products/busy", json=PRODUCT),
            await api.client.delete("/products/busy"),
        ):
            assert is_sent_away(answer)
            assert "somebody else" in answer.json()["detail"]
    changed = await api.client.patch("/products/busy", json={"version": 1, "weight_g": 2})
    assert changed.json()["weight_g"] == 2


async def test_a_pool_that_goes_while_a_location_is_put_into_it_is_unknown(api: Api) -> None:
    await put(api, "/pools/brink", {})
    async with api.engine.connect() as tx:
        await run(tx, "DELETE FROM pools WHERE pool = 'brink'")
        body = {**LOCATION, "pool": "brink"}
        asked = asyncio.create_task(api.client.put("/locations/edge", json=body))
        await somebody_waits(api)
        await tx.commit()
    assert faults(await asked) == {"/pool": "'brink' is unknown"}


async def test_what_goes_while_it_is_to_go_is_not_there(api: Api) -> None:
    await put(api, "/products/twice", PRODUCT)
    async with api.engine.connect() as tx:
        await kept.lock(tx, kept.PRODUCTS)
        await run(tx, "DELETE FROM products WHERE sku = 'twice'")
        asked = asyncio.create_task(api.client.delete("/products/twice"))
        await somebody_waits(api)
        await tx.commit()
    assert (await asked).status_code == 404


async def test_an_account_names_its_credential_and_never_shows_it(api: Api) -> None:
    made = await put(api, "/carrier-accounts/ups", {**ACCOUNT, "services": ["Ground"]})
    assert made["credential_is_stored"] is False
    await api.sql(
        "INSERT INTO vendor_credentials (vendor, name, key_id, box) "
        "VALUES ('easypost', 'key', 'k', 'sealed')"
    )
    shown = await api.client.get("/carrier-accounts/ups")
    assert shown.json()["credential_is_stored"] is True
    assert "sealed" not in shown.text
    twice = await api.client.put("/carrier-accounts/ups2", json=ACCOUNT)
    assert faults(twice) == {"/reference": "'ca_1' belongs to 'ups'"}
    await api.sql("DELETE FROM vendor_credentials")


async def test_lists_are_filtered_and_read_by_pages(api: Api) -> None:
    for number in range(5):
        await put(api, f"/products/page-{number}", {**PRODUCT, "category": "paged%"})
    seen: list[str] = []
    wanted: dict[str, Any] = {"category": "paged%", "limit": 2}
    cursor: str | None = None
    while cursor is not None or not seen:
        page = (
            await api.client.get(
                "/products", params=wanted | ({"cursor": cursor} if cursor else {})
            )
        ).json()
        seen += [each["sku"] for each in page["items"]]
        first, cursor = cursor or page["next_cursor"], page["next_cursor"]
    assert seen == [f"page-{number}" for number in range(5)]
    other = await api.client.get("/products", params={"category": "x", "cursor": first})
    assert (other.status_code, other.json()["code"]) == (400, "invalid_cursor")
    for text, count in (("page-", 5), ("PAGE-3", 1), ("page_", 0), ("%", 0)):
        found = (await api.client.get("/products", params={"text": text})).json()
        assert len(found["items"]) == count, text
    for path in ("/locations", "/channels", "/pools", "/carrier-accounts"):
        assert (await api.client.get(path)).status_code == 200
        assert (await api.client.get(path, params={"x": 1})).status_code == 422


async def test_a_code_with_space_at_its_ends_is_no_code(api: Api) -> None:
    assert "space" in faults(await api.client.put("/products/%20A", json=PRODUCT))["code"]
    assert (await api.client.put("/channels/My%20Shop", json=CHANNEL)).status_code == 422


async def test_a_repeat_under_its_key_hears_the_first_answer(api: Api) -> None:
    await put(api, "/products/once", PRODUCT)
    headers = {"Idempotency-Key": "change-once"}
    body = {"version": 1, "weight_g": 7}
    first = await api.client.patch("/products/once", json=body, headers=headers)
    again = await api.client.patch("/products/once", json=body, headers=headers)
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
