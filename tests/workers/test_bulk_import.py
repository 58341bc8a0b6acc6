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
from db.engine import make_engine, rows, run
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
    told = await found(
        fresh_engine, "SELECT action, reason, after ->> 'file' FROM audit_log ORDER BY audit_id"
    )
    assert [each for each in told if each[0] != "SchemaMigrated"] == [
        ("ImportBegun", "spring", "products-spring.csv"),
        ("ProductCreated", "spring", None), ("CatalogueImported", "spring", None),
        ("ImportBegun", None, "mended.csv"),
        ("ProductCreated", None, None), ("CatalogueImported", None, None),
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


STOCKED = {
    "pools": ["main"], "locations": [LOCATION],
    "products": [{**PRODUCT, "sku": sku} for sku in ("a", "b", "c")],
    "stock": [{"location": "east", "sku": sku, "on_hand": 1} for sku in ("a", "b", "c")],
}  # fmt: skip


def whole(*lines: str, kind: Any = "stock") -> tuple[BytesIO, Asked]:
    header = HEADER if kind == "products" else "location,sku,on_hand\n"
    file = BytesIO((header + "\n".join(lines)).encode())
    return file, Asked(kind, "csv", By("cli:tests"), all_or_nothing=True)


async def somebody_waits(engine: AsyncEngine) -> None:
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20):
        while True:
            if await found(engine, waiting):
                return
            await asyncio.sleep(0.01)


async def test_a_whole_file_of_stock_takes_its_locks_in_order_whatever_its_own_is(
    fresh_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BATCH", 1)
    await import_setup(fresh_engine, read_setup(STOCKED), Origin("cli:tests"))
    level = "SELECT 1 FROM pool_levels WHERE sku = '{}' FOR UPDATE {}"
    async with fresh_engine.connect() as order:
        await rows(order, level.format("a", ""))
        imported = asyncio.create_task(
            run_import(fresh_engine, *whole("east,c,2", "east,b,2", "east,a,2"))
        )
        await somebody_waits(fresh_engine)
        for sku in "bc":
            await rows(order, level.format(sku, "NOWAIT"))
        await order.rollback()
    await imported
    query = "SELECT created FROM imports WHERE state = 'done'"
    assert await found(fresh_engine, query) == [(3,)]
    assert await found(fresh_engine, "SELECT DISTINCT on_hand FROM pool_levels") == [(3,)]


async def test_while_a_whole_file_of_stock_is_judged_orders_wait_for_nothing(
    fresh_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BATCH", 1)
    await import_setup(fresh_engine, read_setup(STOCKED), Origin("cli:tests"))
    real, seen = running.StockAtOnce.judge, []

    async def judge(*given: Any) -> None:
        level = "SELECT sku FROM pool_levels FOR UPDATE NOWAIT"
        seen.append(len(await found(fresh_engine, level)))
        await real(*given)

    monkeypatch.setattr(running.StockAtOnce, "judge", judge)
    await run_import(fresh_engine, *whole("east,a,2", "east,b,2", "east,nix,2"))
    assert seen == [3, 3, 3]
    query = "SELECT state, created, rejected, detail FROM imports"
    why = "1 of 3 rows are faulty; none was taken"
    assert await found(fresh_engine, query) == [("refused", 0, 1, why)]
    assert await found(fresh_engine, "SELECT DISTINCT on_hand FROM pool_levels") == [(1,)]


async def test_what_was_judged_is_judged_again_when_the_catalogue_has_changed(
    fresh_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await import_setup(fresh_engine, read_setup(STOCKED), Origin("cli:tests"))
    real = running.StockAtOnce.receive

    async def receive(*given: Any) -> Any:
        await changed(fresh_engine, "UPDATE locations SET active = false")
        return await real(*given)

    monkeypatch.setattr(running.StockAtOnce, "receive", receive)
    await run_import(fresh_engine, *whole("east,a,2", "east,b,2"))
    query = "SELECT state, created, rejected FROM imports"
    assert await found(fresh_engine, query) == [("refused", 0, 2)]
    faults = await found(fresh_engine, "SELECT row, faults -> 0 ->> 'field' FROM import_rejects")
    assert sorted(faults) == [(2, "location"), (3, "location")]


async def changed(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as tx:
        await run(tx, statement)


@pytest.mark.parametrize("kind", ["products", "stock"])
async def test_all_or_nothing_needs_one_connection(
    fresh_database_url: str, fresh_engine: AsyncEngine, kind: str
) -> None:
    await import_setup(fresh_engine, read_setup(STOCKED), Origin("cli:tests"))
    narrow = make_engine(fresh_database_url, pool_size=1, pool_wait_s=0.5)
    lines = {"products": ("S-1,Mug,1,1,1,1", "S-2,Mug,0,1,1,1"), "stock": ("east,a,2", "nix,a,2")}
    try:
        await run_import(narrow, *whole(*lines[kind], kind=kind))
    finally:
        await narrow.dispose()
    query = (
        "SELECT state, created, rejected, row FROM imports JOIN import_rejects USING (import_id)"
    )
    assert await found(fresh_engine, query) == [("refused", 0, 1, 3)]
