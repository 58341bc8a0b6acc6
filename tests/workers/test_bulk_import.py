"""`oms import` with rows: the report, the rejects beside the file, and a process that dies."""

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.imports import running
from api.imports.running import Asked, run_import
from db.engine import rows
from db.inbox.catalog import By
from tests.workers.command_line import oms
from tests.workers.test_setup_file import LOCATION, PRODUCT
from workers.importing import Origin, import_setup
from workers.setup_file import read_setup

HEADER = "sku,name,weight_g,length_mm,width_mm,height_mm\n"


async def found(engine: AsyncEngine, statement: str) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        return [tuple(each) for each in await rows(connection, statement)]


async def test_rows_are_imported_by_the_name_of_their_file(
    fresh_database_url: str, fresh_engine: AsyncEngine, tmp_path: Path
) -> None:
    file = tmp_path / "products-spring.csv"
    file.write_text(f"{HEADER}A-1,Mug,300,1,1,1\nA-2,Cup,-1,1,1,1\n")
    given = {"OMS_DATABASE_URL": fresh_database_url}
    code, out, err = await oms("import", str(file), "--reason", "spring", **given)
    assert (code, err) == (1, "")
    beside = tmp_path / "products-spring.rejects.csv"
    assert out.splitlines() == [
        "1 created, 0 updated, 0 unchanged, 1 rejected",
        "  row 3: weight_g: must be greater than or equal to 1",
        f"the rejects, to be corrected and imported again: {beside}",
    ]
    mended = tmp_path / "mended.csv"
    mended.write_text(beside.read_text().replace(",-1,", ",7,"))
    words = ("--kind", "products", "--json", "--all-or-nothing")
    code, out, _ = await oms("import", str(mended), *words, **given)
    report = json.loads(out)
    assert (code, report["created"], report["all_or_nothing"]) == (0, 1, True)
    told = await found(fresh_engine, "SELECT action, reason FROM audit_log ORDER BY audit_id")
    assert [each for each in told if each[0] != "SchemaMigrated"] == [
        ("ProductCreated", "spring"), ("CatalogueImported", "spring"),
        ("ProductCreated", None), ("CatalogueImported", None),
    ]  # fmt: skip


async def test_what_a_person_must_change_is_one_line(
    fresh_database_url: str, tmp_path: Path
) -> None:
    file, setup = tmp_path / "things.csv", tmp_path / "setup.json"
    file.write_text("x\n")
    setup.write_text("{}")
    for words, why in (
        ((str(file),), "none of products, locations, stock: say which by --kind"),
        ((str(file), "--kind", "kings"), "'kings' is none of"),
        ((str(file), "--kind", "products"), "the first row names no column"),
        ((str(tmp_path / "products.csv"),), "No such file"),
        ((str(setup), "--all-or-nothing"), "are for .csv and .jsonl"),
    ):
        code, out, err = await oms("import", *words, OMS_DATABASE_URL=fresh_database_url)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert why in err


async def test_a_set_up_leaves_what_it_does_not_name(fresh_engine: AsyncEngine) -> None:
    whole = {"pools": ["main"], "products": [{**PRODUCT, "barcodes": ["96385074"]}],
             "locations": [{**LOCATION, "time_zone": "Europe/Madrid", "ships": False}]}  # fmt: skip
    query = "SELECT barcodes, time_zone, ships, p.version, l.version FROM products p, locations l"
    for setup in (whole, {"products": [PRODUCT], "locations": [LOCATION]}):
        await import_setup(fresh_engine, read_setup(setup), Origin("cli:tests"))
        assert await found(fresh_engine, query) == [(["96385074"], "Europe/Madrid", False, 1, 1)]


async def test_an_import_that_died_goes_on_where_it_stood(
    fresh_engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "".join(f"S-{n},Mug,1,1,1,1\n" for n in range(2_500)))
    asked = Asked("products", "csv", By("cli:tests"))
    real, calls = running.imports.count, []

    async def dies(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        await real(*given)

    with monkeypatch.context() as patched, file.open("rb") as source:
        patched.setattr(running.imports, "count", dies)
        with pytest.raises(KeyboardInterrupt):
            await run_import(fresh_engine, source, asked)
    kept = await found(fresh_engine, "SELECT state, created FROM imports")
    assert kept == [("running", 1_000)]
    assert await found(fresh_engine, "SELECT count(*) FROM products") == [(1_000,)]
    with file.open("rb") as source:
        await run_import(fresh_engine, source, asked)
    query = "SELECT created, unchanged FROM imports WHERE state = 'done'"
    assert await found(fresh_engine, query) == [(1_500, 1_000)]
    query = "SELECT count(*) FROM audit_log WHERE action = 'ProductCreated'"
    assert await found(fresh_engine, query) == [(2_500,)]


async def test_the_examples_of_the_documentation_are_taken(
    fresh_engine: AsyncEngine, repository: Path
) -> None:
    await import_setup(fresh_engine, read_setup({"pools": ["main"]}), Origin("cli:tests"))
    text = (repository / "docs/catalogue.md").read_text()
    names = ["products.csv", "products.jsonl", "locations.csv", "locations.jsonl", "stock.csv",
             "stock.jsonl"]  # fmt: skip
    for name in names:
        section = text.split(f"### {name}\n")[1].split("### ")[0]
        lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
        kind, _, file_format = name.partition(".")
        asked = Asked(kind, file_format, By("cli:tests"))  # type: ignore[arg-type]
        await run_import(fresh_engine, BytesIO("\n".join(lines).encode()), asked)
    query = "SELECT kind, created, updated, rejected FROM imports ORDER BY started_at"
    assert await found(fresh_engine, query) == [
        ("products", 2, 0, 0), ("products", 0, 2, 0), ("locations", 1, 0, 0),
        ("locations", 1, 0, 0), ("stock", 2, 0, 0), ("stock", 1, 0, 0),
    ]  # fmt: skip


async def test_two_who_import_the_same_at_once_make_it_once(
    fresh_engine: AsyncEngine, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(HEADER + "".join(f"S-{n},Mug,1,1,1,1\n" for n in range(1_200)))
    with file.open("rb") as one, file.open("rb") as two:
        await asyncio.gather(
            *(
                run_import(fresh_engine, source, Asked("products", "csv", By("cli:tests")))
                for source in (one, two)
            )
        )
    query = "SELECT sum(created), sum(unchanged), sum(updated) FROM imports"
    assert await found(fresh_engine, query) == [(1_200, 1_200, 0)]
