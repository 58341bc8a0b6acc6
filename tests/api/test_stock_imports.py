"""Stock by files: received once, by what is open, and no location closes over it."""

import json

from api.catalog_models import StockLevel
from tests.api.test_catalog_api import CHANNEL, LOCATION
from tests.api.test_imports import MEASURES, a_csv, counts, faults, report
from tests.api.world import Api


async def test_stock_is_received_once_whatever_comes_again(api: Api) -> None:
    await report(api, a_csv(f"rack,Mug,{MEASURES}"))
    file = a_csv("east,rack,5,1", "west,rack,7,", "moon,rack,1,", "east,nix,1,", "east,rack,9,",
                 header="location,sku,on_hand,safety_stock")  # fmt: skip
    found = await report(api, file, "stock")
    assert counts(found) == (2, 0, 0, 3)
    assert faults(found) == [
        (4, "location", "'moon' is unknown"),
        (5, "sku", "'nix' is unknown"),
        (6, "location", "the same location and sku as row 2"),
    ]
    assert counts(await report(api, file, "stock")) == (0, 0, 2, 3)
    (level,) = (await api.client.get("/stock/rack")).json()["levels"]
    assert (level["on_hand"], level["safety_stock"]) == (12, 1)
    assert {each["location"]: each["on_hand"] for each in level["locations"]} == {
        "east": 5,
        "west": 7,
    }
    moves = await api.sql(
        "SELECT location, pool_on_hand, location_on_hand, cause FROM stock_movements"
        " WHERE sku = 'rack' ORDER BY movement_id"
    )
    cause = f"import {found['import_id']}"
    assert [tuple(each) for each in moves] == [("east", 5, 5, cause), ("west", 12, 7, cause)]


async def test_locations_with_units_are_not_closed_and_closed_ones_receive_nothing(
    api: Api,
) -> None:
    await report(api, a_csv(f"crate,Mug,{MEASURES}"))
    for place in ("full", "shut"):
        body = json.dumps({**LOCATION, "pool": "other", "location": place})
        assert counts(await report(api, body, "locations", "application/jsonl")) == (1, 0, 0, 0)
    level = "location,sku,on_hand"
    await report(api, a_csv("full,crate,5", header=level), "stock")
    closing = a_csv("full,no", "shut,no", header="location,active")
    found = await report(api, closing, "locations")
    why = "5 units of 1 SKU lie there: count them out or move them first"
    assert (counts(found), faults(found)) == ((0, 1, 0, 1), [(2, "active", why)])
    found = await report(api, a_csv("full,no", header="location,ships"), "locations")
    assert faults(found) == [(2, "ships", why)]
    found = await report(api, a_csv("full,crate,5", "shut,crate,1", header=level), "stock")
    why = "'shut' is not active: it receives nothing"
    assert (counts(found), faults(found)) == ((0, 0, 1, 1), [(3, "location", why)])


async def test_a_file_may_replace_the_last_location_of_a_pool(api: Api) -> None:
    await api.client.put("/pools/moving", json={})
    columns = "location,pool,name,address.name,address.line1,address.city,address.postal_code,"
    header = f"{columns}address.country,active"
    old, new = (f"{place},moving,Hall,Hall,Dock 1,Porto,4000,PT" for place in ("away", "here"))
    await report(api, a_csv(f"{old},yes", header=header), "locations")
    await api.client.put("/channels/moving", json={**CHANNEL, "pool": "moving"})
    alone = await report(api, a_csv(f"{old},no", header=header), "locations")
    assert [field for _, field, _ in faults(alone)] == ["active"]
    both = await report(api, a_csv(f"{old},no", f"{new},yes", header=header), "locations")
    assert counts(both) == (1, 1, 0, 0)


async def test_a_receipt_is_the_same_whether_it_says_nothing_or_null(api: Api) -> None:
    await report(api, a_csv(f"null,Mug,{MEASURES}"))
    entry = {"location": "east", "sku": "null", "on_hand": 4}
    for said, done in (
        (entry | {"safety_stock": None}, (1, 0, 0, 0)),
        (entry, (0, 0, 1, 0)),
        (entry | {"safety_stock": 2}, (1, 0, 0, 0)),
        (entry | {"safety_stock": None}, (0, 0, 1, 0)),
    ):
        assert counts(await report(api, json.dumps(said), "stock", "application/jsonl")) == done
    (level,) = (await api.client.get("/stock/null")).json()["levels"]
    assert (level["on_hand"], level["safety_stock"]) == (8, 2)


def test_receipts_are_named_as_ever() -> None:
    plain = StockLevel(location="east", sku="A-1", on_hand=10)
    safe = StockLevel(location="east", sku="A-1", on_hand=10, safety_stock=2)
    null = StockLevel(location="east", sku="A-1", on_hand=10, safety_stock=None)
    assert plain.key() == null.key() == "import:east:A-1:6b7546983855"
    assert safe.key() == "import:east:A-1:e5ee2818575b"
    assert plain.receipt() == null.receipt()
    assert safe.receipt()["twin"] is None
