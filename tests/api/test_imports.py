"""Bulk imports over HTTP: good rows are taken, each other is named, and nothing is lost."""

import asyncio
import csv
import io
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api import catalog_models
from api.app import create_app
from api.catalog_models import StockLevel
from api.context import ApiConfig, Limits
from api.imports import kinds, reading, running
from db.inbox import catalog
from domain.trade import check_digit
from tests.api.conftest import PLENTY
from tests.api.test_catalog_api import CHANNEL, LOCATION, audited
from tests.api.world import Api, caller

HEADER = "sku,name,weight_g,length_mm,width_mm,height_mm"
MEASURES = "300,100,90,110"


def a_gtin(api: Api) -> str:
    """One that no other test uses."""
    digits = f"50{api.number():010}"
    return f"{digits}{check_digit(digits)}"


def a_csv(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


async def sent(
    api: Api, body: str | bytes, kind: str = "products", media: str = "text/csv", **more: Any
) -> Any:
    return await api.client.post(
        "/imports",
        params={"kind": kind, **more},
        content=body.encode() if isinstance(body, str) else body,
        headers={"Content-Type": media},
    )


async def report(api: Api, *given: Any, **more: Any) -> dict[str, Any]:
    answer = await sent(api, *given, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in ("created", "updated", "unchanged", "rejected"))


def faults(found: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(r["row"], f["field"], f["reason"]) for r in found["rejects"] for f in r["faults"]]


async def refused(api: Api, *given: Any, **more: Any) -> str:
    answer = await sent(api, *given, **more)
    assert answer.status_code == 422, answer.text
    return str(answer.json()["errors"][0]["detail"])


async def skus(api: Api, like: str) -> list[str]:
    found = await api.sql("SELECT sku FROM products WHERE sku LIKE :l ORDER BY sku", l=like)
    return [each.sku for each in found]


async def test_the_same_file_again_changes_nothing(api: Api) -> None:
    file = a_csv(*(f"again-{n},Mug {n},{MEASURES}" for n in range(3)))
    first = await report(api, file)
    assert (first["state"], counts(first), first["rejects"]) == ("done", (3, 0, 0, 0), [])
    assert counts(await report(api, file)) == (0, 0, 3, 0)
    assert counts(await report(api, file.replace("Mug 1", "Cup"))) == (0, 1, 2, 0)
    made, changed = await audited(api, "again-1")
    assert (made[0], made[2]["name"]) == ("ProductCreated", "Mug 1")
    assert changed == ("ProductChanged", {"name": "Mug 1"}, {"name": "Cup"})
    begun, ended = await audited(api, first["import_id"])
    assert (begun[0], begun[2]) == (
        "ImportBegun",
        {"kind": "products", "format": "csv", "file": None},
    )
    assert (ended[0], ended[2]["state"], ended[2]["created"]) == ("CatalogueImported", "done", 3)


async def test_half_a_bad_file_is_half_taken_and_its_rejects_can_be_sent_again(api: Api) -> None:
    gtin = a_gtin(api)
    wrong = f"{gtin[:-1]}{(int(gtin[-1]) + 1) % 10}"
    file = a_csv(
        f"half-1,Mug,{MEASURES},{wrong},PT",
        f'half-2,"Mug,\nwith ""handle""",{MEASURES},,PT',
        "half-3,Mug,heavy,100,90,110,,ZZ",
        f"half-2,Cup,{MEASURES},,",
        f"half-4,Mug,{MEASURES}",
        ",,,,,,,",
        "half-5,,,,,,,",
        header=f"{HEADER},barcodes,origin",
    )
    found = await report(api, file)
    assert counts(found) == (1, 0, 0, 5)
    assert faults(found) == [
        (2, "barcodes.0", f"the check digit of {wrong} must be {gtin[-1]}"),
        (4, "weight_g", "must be a valid integer"),
        (4, "origin", "'ZZ' is no country of ISO 3166-1"),
        (5, "sku", "the same sku as row 3"),
        (6, "", "the row has 6 cells, the header 8"),
        *((8, field, "Field required") for field in HEADER.split(",")[1:]),
    ]
    shown = (await api.client.get("/products/half-2")).json()
    assert shown["name"] == 'Mug,\nwith "handle"'
    file_of = await api.client.get(f"/imports/{found['import_id']}/rejects.csv")
    assert file_of.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file_of.text.removeprefix("\ufeff"), newline="")))
    assert [row["_row"] for row in rows] == ["2", "4", "5", "6", "8"]
    assert "check digit" in rows[0]["_faults"]
    assert counts(await report(api, file_of.text)) == (0, 1, 0, 4), "row 5 is alone now"
    mended = file_of.text.replace(wrong, gtin).replace("heavy", "300").replace("ZZ", "")
    assert counts(await report(api, mended)) == (2, 0, 1, 2)
    assert (await api.client.get("/products/half-1")).json()["barcodes"] == [gtin]


async def test_all_or_nothing_takes_nothing_and_names_every_fault(api: Api) -> None:
    good = [f"all-{n},Mug,{MEASURES}" for n in range(3)]
    found = await report(api, a_csv(*good, "all-9,Mug,0,1,1,1"), all_or_nothing=True)
    assert (found["state"], counts(found)) == ("refused", (0, 0, 0, 1))
    assert found["detail"] == "1 of 4 rows are faulty; none was taken"
    assert faults(found) == [(5, "weight_g", "must be greater than or equal to 1")]
    assert await skus(api, "all-%") == []
    assert await audited(api, "all-1") == []
    found = await report(api, a_csv(*good), all_or_nothing=True)
    assert (found["state"], counts(found)) == ("done", (3, 0, 0, 0))


async def test_of_what_is_there_only_what_is_named_changes(api: Api) -> None:
    gtin = a_gtin(api)
    await report(api, a_csv(f"named,Mug,{MEASURES},{gtin}", header=f"{HEADER},barcodes"))
    found = await report(api, a_csv("named,691200,pt", header="sku,hs_code,_note"))
    assert counts(found) == (0, 1, 0, 0)
    shown = (await api.client.get("/products/named")).json()
    assert (shown["name"], shown["barcodes"], shown["hs_code"]) == ("Mug", [gtin], "691200")
    cleared = json.dumps({"sku": "named", "hs_code": None, "barcodes": []})
    assert counts(await report(api, cleared, media="application/jsonl")) == (0, 1, 0, 0)
    assert (await api.client.get("/products/named")).json()["hs_code"] is None


@pytest.mark.parametrize(
    ("encoded", "delimiter"), [("utf-8-sig", ";"), ("utf-8", "\t"), ("utf-8-sig", ",")]
)
async def test_what_spreadsheets_save_is_read(api: Api, encoded: str, delimiter: str) -> None:
    sku = f"calc{ord(delimiter)}{len(encoded)}"
    text = f"{HEADER},\r\n{sku},Tasse «é»,{MEASURES},\r\n,,,,,,\r\n".replace(",", delimiter)
    assert counts(await report(api, text.encode(encoded))) == (1, 0, 0, 0)
    assert (await api.client.get(f"/products/{sku}")).json()["name"] == "Tasse «é»"


async def test_a_file_that_cannot_be_read_as_a_whole_leaves_nothing(api: Api) -> None:
    good = f"whole-1,Mug,{MEASURES}"
    for body, why in (
        ("", "names no column; columns are sku, name"),
        (f"{good}\n", "names no column"),
        (a_csv(good, header="name,weight_g"), "the column sku is missing"),
        (a_csv(good, header=f"{HEADER},colour"), "unknown columns: 'colour'"),
        (a_csv(good, header=f"{HEADER},sku"), "named twice: sku"),
        (a_csv(good, 'whole-2,"Mug,1,1,1,1'), "row 3 is no CSV: unexpected end of data"),
        (a_csv(good, "whole-2,M\xfcg,1,1,1,1").encode("latin-1"), "line 3 is not UTF-8"),
        (a_csv(good).encode("utf-16"), "line 1 is not UTF-8"),
    ):
        assert why in await refused(api, body)
    assert "send text/csv" in await refused(api, "{}", media="application/json")
    assert await skus(api, "whole-%") == []


async def test_lines_that_are_no_entries_are_named_and_kept(api: Api) -> None:
    entry = {"sku": "line-1", "name": "Mug", "weight_g": 1, "length_mm": 1, "width_mm": 1,
             "height_mm": 1}  # fmt: skip
    lines = [json.dumps(entry), "", "{nix", "[1]", '{"sku": NaN}', '{"sku": "a\\u0000b"}',
             '{"sku": "\\ud800"}', "[" * 60_000,
             json.dumps({**entry, "weight_g": "1"})]  # fmt: skip
    found = await report(api, "\n".join(lines), media="application/x-ndjson")
    assert counts(found) == (1, 0, 0, 7)
    assert [row for row, *_ in faults(found) if row not in (6, 7)] == [3, 4, 5, 8, 9]
    assert "NUL" in str(faults(found))
    text = (await api.client.get(f"/imports/{found['import_id']}/rejects.jsonl")).text
    kept = [json.loads(line) for line in text.splitlines()]
    assert [each["_row"] for each in kept] == [3, 4, 5, 6, 7, 8, 9]
    assert kept[0]["_line"] == "{nix"
    wrong = await api.client.get(f"/imports/{found['import_id']}/rejects.csv")
    assert wrong.status_code == 404


async def test_locations_come_with_address_hours_and_capabilities(api: Api) -> None:
    columns = {
        "location": "depot", "pool": "main", "name": "Depot", "address.name": "Depot",
        "address.line1": "Rua 1", "address.city": "Porto", "address.postal_code": "4000-001",
        "address.country": "PT", "address.latitude": "41.15", "capabilities": "pickup",
        "ships": "no", "time_zone": "Europe/Lisbon", "opening.mon": "09:00-12:00|13:00-17:00",
        "holidays": "2026-12-25|2027-01-01", "cut_off": "14:00",
    }  # fmt: skip
    file = a_csv(",".join(columns.values()), header=",".join(columns))
    assert counts(await report(api, file, "locations")) == (1, 0, 0, 0)
    shown = (await api.client.get("/locations/depot")).json()
    assert shown["address"]["latitude"] == 41.15
    assert shown["opening"]["mon"] == ["09:00-12:00", "13:00-17:00"]
    assert (shown["ships"], shown["holidays"]) == (False, ["2026-12-25", "2027-01-01"])
    assert counts(await report(api, file, "locations")) == (0, 0, 1, 0)
    moved = await report(api, a_csv("depot,other", header="location,pool"), "locations")
    assert faults(moved) == [(2, "pool", "stays 'main', as it was first chosen")]
    lost = json.dumps({**LOCATION, "location": "lost", "pool": "moon"})
    found = await report(api, lost, "locations", "application/jsonl")
    assert faults(found) == [(1, "pool", "'moon' is unknown")]


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


async def test_a_row_that_no_model_foresees_is_a_reject_like_others(api: Api) -> None:
    deep = "[" * 600 + "]" * 600
    lines = [
        '{"sku": ["A"]}',
        '{"sku": "A", "weight_g": 1e999}',
        f'{{"sku": "A", "name": {deep}}}',
        '{"sku": {"a": {}}, "name": 1}',
        json.dumps(dict(zip(HEADER.split(","), ["fine", "Mug", 1, 1, 1, 1], strict=True))),
    ]
    for whole in (True, False):
        found = await report(api, "\n".join(lines), media="application/jsonl", all_or_nothing=whole)
        assert counts(found)[3] == 4
        why = {row: reason for row, field, reason in faults(found) if field in ("", "sku")}
        assert why[1] == "must be a valid string"
        assert "1e999 is too large a number" in why[2]
        assert why[3] == "nested too deep"
    kept = await api.client.get(f"/imports/{found['import_id']}/rejects.jsonl")
    assert [json.loads(line)["_row"] for line in kept.text.splitlines()] == [1, 2, 3, 4]
    assert await skus(api, "fine") == ["fine"]


@pytest.mark.parametrize("whole", [False, True])
async def test_an_import_that_breaks_off_has_failed(
    api: Api, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    real, calls = catalog.put, []

    async def breaks(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise RuntimeError("the secret is 42")
        return await real(*given)

    monkeypatch.setattr(running, "BATCH", 2)
    rows = [f"broken-{whole}-{number},Mug,{MEASURES}" for number in range(4)]
    with monkeypatch.context() as patched:
        patched.setattr(catalog, "put", breaks)
        assert (await sent(api, a_csv(*rows), all_or_nothing=whole)).status_code == 500
    [left] = (await api.client.get("/imports", params={"limit": 1})).json()["items"]
    assert (left["state"], left["created"]) == ("failed", 0 if whole else 2)
    assert "RuntimeError" in left["detail"]
    assert "42" not in left["detail"]
    assert left["ended_at"] is not None
    assert (await audited(api, left["import_id"]))[-1][2]["state"] == "failed"
    again = await report(api, a_csv(*rows), all_or_nothing=whole)
    assert counts(again) == ((4, 0, 0, 0) if whole else (2, 0, 2, 0))


@pytest.mark.parametrize("size", [1, 10])
async def test_only_what_was_taken_has_duplicates(
    api: Api, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(running, "BATCH", size)
    code = a_gtin(api)
    sku = f"double-{size}"
    await report(api, a_csv(f"owner-{size},Mug,{MEASURES},{code}", header=f"{HEADER},barcodes"))
    file = a_csv(
        f",Mug,{MEASURES},",
        f",Mug,{MEASURES},",
        f"{sku},Mug,0,1,1,1,",
        f"{sku},Mug,{MEASURES},{code}",
        f"{sku},Mug,{MEASURES},",
        f"{sku},Cup,{MEASURES},",
        header=f"{HEADER},barcodes",
    )
    found = await report(api, file)
    assert (counts(found), faults(found)) == (
        (1, 0, 0, 5),
        [
            (2, "sku", "Field required"),
            (3, "sku", "Field required"),
            (4, "weight_g", "must be greater than or equal to 1"),
            (5, "barcodes", f"{code} belongs to 'owner-{size}'"),
            (7, "sku", "the same sku as row 6"),
        ],
    )
    assert (await api.client.get(f"/products/{sku}")).json()["name"] == "Mug"


async def test_the_file_of_rejects_is_written_as_the_file_that_came(api: Api) -> None:
    file = a_csv('tilde;"Mug; «é»";0;1;1;1', header=HEADER.replace(",", ";"))
    found = await report(api, file)
    rejects = await api.client.get(f"/imports/{found['import_id']}/rejects.csv")
    assert rejects.content.startswith("\ufeff_row;_faults;sku;name;".encode())
    assert ';"Mug; «é»";0;' in rejects.text
    assert counts(await report(api, rejects.text.replace(";0;", ";7;"))) == (1, 0, 0, 0)


async def test_files_are_read_and_judged_beside_the_event_loop(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, seen = threading.get_ident(), dict[str, set[int]]()

    def noted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def note(*given: Any) -> Any:
            seen.setdefault(name, set()).add(threading.get_ident())
            return real(*given)

        monkeypatch.setattr(owner, name, note)

    noted(reading, "_check_encoding")
    noted(reading, "_check_quotes")
    noted(reading.Columns, "entry_of")
    noted(kinds.Candidate, "judge")
    await report(api, a_csv(f"beside,Mug,{MEASURES}"))
    await report(api, a_csv("east,beside,1", header="location,sku,on_hand"), "stock")
    assert sorted(seen) == ["_check_encoding", "_check_quotes", "entry_of", "judge"]
    assert not any(here in threads for threads in seen.values())


async def test_the_folder_of_time_zones_is_read_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def zones() -> set[str]:
        reads.append(1)
        return {"UTC"}

    catalog_models._time_zones.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(catalog_models, "available_timezones", zones)
        lines = [
            json.dumps({**LOCATION, "location": f"zone-{n}", "time_zone": "UTC"}) for n in "ab"
        ]
        found = await report(api, "\n".join(lines), "locations", "application/jsonl")
    catalog_models._time_zones.cache_clear()
    assert (counts(found), len(reads)) == ((2, 0, 0, 0), 1)


async def test_a_barcode_is_not_taken_from_a_row_that_is_rejected(api: Api) -> None:
    code, other = a_gtin(api), a_gtin(api)
    await report(api, a_csv(f"keeps,Mug,{MEASURES},{code}", header=f"{HEADER},barcodes"))
    await report(api, a_csv(f"has,Mug,{MEASURES},{other}", header=f"{HEADER},barcodes"))
    swap = a_csv(f"keeps,{other}", f"wants,{code}", header="sku,barcodes")
    found = await report(api, swap.replace("wants", "has"))
    assert counts(found) == (0, 2, 0, 0), "both say anew what they have"
    found = await report(api, a_csv(f"keeps,{code}x", f"has,{other}", header="sku,barcodes"))
    assert [row for row, *_ in faults(found)] == [2, 3]
    assert faults(found)[1][2] == f"{other} belongs to 'keeps'"


async def test_imports_are_listed_newest_first(api: Api) -> None:
    made = [(await report(api, a_csv(f"list-{n},Mug,{MEASURES}")))["import_id"] for n in range(3)]
    first = (await api.client.get("/imports", params={"limit": 2})).json()
    assert [each["import_id"] for each in first["items"]] == made[:0:-1]
    more = {"limit": 1, "cursor": first["next_cursor"]}
    page = (await api.client.get("/imports", params=more)).json()
    assert [each["import_id"] for each in page["items"]] == made[:1]
    assert (await api.client.get("/imports/imp_0123456789abcdef")).status_code == 404


async def test_a_file_may_be_larger_than_a_body_but_not_endless(
    api: Api, config: ApiConfig
) -> None:
    limits = Limits(PLENTY, PLENTY, most_body_bytes=1_000, most_file_bytes=60_000)
    few = ApiConfig(**vars(config) | {"limits": limits})
    app = create_app(engine=api.engine, temporal=api.temporal, config=few)

    async def parts(count: int) -> AsyncIterator[bytes]:
        yield f"{HEADER}\n".encode()
        for number in range(count):
            yield f"large-{number:04},Mug,{MEASURES}\n".encode()

    async with caller(app, api.key.secret) as client:
        for count, status in ((1_500, 200), (4_000, 413)):
            answer = await client.post(
                "/imports", params={"kind": "products"}, content=parts(count),
                headers={"Content-Type": "text/csv"},
            )  # fmt: skip
            assert answer.status_code == status, answer.text
    assert len(await skus(api, "large-%")) == 1_500


async def test_a_file_that_stops_coming_is_told_so_and_nothing_of_it_is_taken(
    api: Api, config: ApiConfig
) -> None:
    limits = Limits(PLENTY, PLENTY, body_within_s=0.05)
    hasty = ApiConfig(**vars(config) | {"limits": limits})
    app = create_app(engine=api.engine, temporal=api.temporal, config=hasty)

    async def stalled() -> AsyncIterator[bytes]:
        yield a_csv(f"stall-1,Mug,{MEASURES}").encode()
        await asyncio.Event().wait()

    async with caller(app, api.key.secret) as client:
        answer = await client.post(
            "/imports", params={"kind": "products"}, content=stalled(),
            headers={"Content-Type": "text/csv"},
        )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert await skus(api, "stall-%") == []
