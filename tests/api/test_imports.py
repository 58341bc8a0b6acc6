"""Bulk imports over HTTP: good rows are taken, each other is named, and nothing is lost."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.app import create_app
from api.context import ApiConfig, Limits
from domain.trade import check_digit
from tests.api.conftest import PLENTY
from tests.api.test_catalog_api import LOCATION, audited
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
