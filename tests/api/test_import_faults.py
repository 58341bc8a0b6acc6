"""Whatever a file holds and whatever breaks, an import ends, says why, and delays nobody else."""

import json
import threading
from typing import Any

import pytest

from api import catalog_models
from api.imports import kinds, reading, running
from db.inbox import catalog
from tests.api.test_catalog_api import LOCATION, audited
from tests.api.test_imports import (
    HEADER,
    MEASURES,
    a_csv,
    a_gtin,
    counts,
    faults,
    report,
    sent,
    skus,
)
from tests.api.world import Api


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
