"""Numbers without gaps, whoever writes at once and whatever is rolled back; nothing is changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine, rows, run
from db.stores import documents
from db.stores.documents import Draft

WRITERS = 20
SEED = """
INSERT INTO pools VALUES ('main');
INSERT INTO locations (location, pool, name, address) VALUES ('l1', 'main', 'l1', '{}');
INSERT INTO sellers (seller, legal_name, address, legal_lines, invoice_series, credit_note_series,
    language, time_zone) VALUES ('a', 'A', '{}', '{}', 'INV', 'CRN', 'en', 'UTC'),
    ('b', 'B', '{}', '{}', 'FAC', 'REC', 'es', 'Pacific/Kiritimati');
INSERT INTO channels (channel, name, kind, pool, currencies, seller)
    VALUES ('shop', 'Shop', 'api', 'main', '{USD}', 'a');
INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor, customer_name,
    customer_email, ship_to, placed_at, next_step, next_deadline)
    VALUES ('shop-1', 'shop', '1', 'USD', 'en', 100, 'n', 'e@example.com', '{}', now(), 's', now());
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
    next_step, next_deadline)
    SELECT 'shop-1-f' || n, 'shop-1', n, 'l1', 'open', 100, 'pick', now()
    FROM generate_series(1, 60) AS n
"""


@pytest.fixture
async def seeded(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(fresh_database_url, pool_size=WRITERS)
    async with engine.begin() as tx:
        for statement in SEED.split(";\n"):
            await tx.execute(sa.text(statement))
    yield engine
    await engine.dispose()


def invoice(number: int, **changes: Any) -> Draft:
    part = f"shop-1-f{number}"
    about = Draft(f"invoice:{part}", "invoice", "a", "shop-1", part, "USD", 100, {}, {})
    return replace(about, **changes)


def note(key: str, amount_minor: int, **changes: Any) -> Draft:
    about = invoice(1, key=key, kind="credit_note", total_minor=amount_minor)
    return replace(about, **{"corrects": f"INV-{YEAR}-000001", **changes})


async def write(engine: AsyncEngine, draft: Draft) -> None:
    async with engine.begin() as tx:
        await documents.write(tx, draft)


async def written(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as tx:
        return list(await rows(tx, "SELECT * FROM documents ORDER BY series, year, sequence"))


@pytest.fixture(autouse=True)
async def this_year(seeded: AsyncEngine) -> None:
    global YEAR  # noqa: PLW0603
    async with seeded.connect() as tx:
        (found,) = await rows(tx, "SELECT extract(year FROM now() AT TIME ZONE 'UTC')::int AS year")
    YEAR = found.year


YEAR = 0


async def test_writers_at_once_and_roll_backs_leave_no_gap_and_no_double(
    seeded: AsyncEngine,
) -> None:
    """Every third writer gives up after it was given its number."""

    class GivenUp(Exception):
        pass

    async def writer(number: int) -> None:
        async with seeded.begin() as tx:
            await documents.write(tx, invoice(number))
            if number % 3 == 0:
                raise GivenUp

    ended = await asyncio.gather(*(writer(n) for n in range(1, 61)), return_exceptions=True)
    assert [end for end in ended if end and not isinstance(end, GivenUp)] == []
    found = await written(seeded)
    assert [each.sequence for each in found] == list(range(1, 41))
    assert found[0].number == f"INV-{YEAR}-000001"
    assert [each.issued_at for each in found] == sorted(each.issued_at for each in found)


async def test_the_same_document_at_once_is_one(seeded: AsyncEngine) -> None:
    ended = await asyncio.gather(
        *(write(seeded, invoice(1)) for _ in range(8)), return_exceptions=True
    )
    assert len(await written(seeded)) == 1
    # Who was in between hears it from the key, and finds it there the next time.
    assert {type(end) for end in ended if end} <= {sa.exc.IntegrityError}
    await write(seeded, invoice(1))
    await write(seeded, invoice(2))
    assert [each.sequence for each in await written(seeded)] == [1, 2]


async def test_each_seller_and_kind_has_a_series_of_its_own(seeded: AsyncEngine) -> None:
    await write(seeded, invoice(1))
    await write(seeded, invoice(2, seller="b"))
    await write(seeded, note("r1", 40))
    numbers = [each.number.replace(str(each.year), "Y") for each in await written(seeded)]
    assert numbers == ["CRN-Y-000001", "FAC-Y-000001", "INV-Y-000001"]


async def test_no_seller_takes_up_the_series_of_another(seeded: AsyncEngine) -> None:
    await write(seeded, invoice(1))
    async with seeded.begin() as tx:
        await run(tx, "UPDATE sellers SET invoice_series = 'OLD' WHERE seller = 'a'")
        await run(tx, "UPDATE sellers SET invoice_series = 'INV' WHERE seller = 'b'")
    with pytest.raises(DBAPIError, match="in use by another"):
        await write(seeded, invoice(2, seller="b"))


async def test_a_new_year_begins_with_one(seeded: AsyncEngine) -> None:
    """The number of a year that is past is no number of this one."""
    await write(seeded, invoice(1))
    async with seeded.begin() as tx:
        await run(tx, "ALTER TABLE documents DISABLE TRIGGER documents_append_only")
        await run(
            tx,
            "UPDATE documents SET year = year - 1, number = 'INV-LAST',"
            " issued_at = issued_at - interval '1 year',"
            " issued_on = issued_on - interval '1 year'",
        )
        await run(tx, "ALTER TABLE documents ENABLE TRIGGER documents_append_only")
    await write(seeded, invoice(2))
    assert [(each.year, each.sequence) for each in await written(seeded)] == [
        (YEAR - 1, 1),
        (YEAR, 1),
    ]


async def test_the_day_of_issue_is_the_sellers(seeded: AsyncEngine) -> None:
    """In Kiritimati it is always fourteen hours later than in UTC."""
    await write(seeded, invoice(1, seller="b"))
    (found,) = await written(seeded)
    async with seeded.connect() as tx:
        (day,) = await rows(
            tx,
            "SELECT (CAST(:at AS timestamptz) AT TIME ZONE 'UTC' + interval '14 hours')::date AS d",
            at=found.issued_at,
        )
    assert found.issued_on == day.d


async def test_who_inserts_cannot_choose_a_number(seeded: AsyncEngine) -> None:
    async with seeded.begin() as tx:
        await run(
            tx,
            """
            INSERT INTO documents (number, series, year, sequence, key, kind, seller, order_id,
                fulfillment_id, currency, total_minor, issued_at, issued_on, buyer, content)
            VALUES ('INV-1999-000777', 'X', 1999, 777, 'k', 'invoice', 'a', 'shop-1', 'shop-1-f1',
                'USD', 1, '1999-01-01', '1999-01-01', '{}', '{}')
            """,
        )
    assert [each.number for each in await written(seeded)] == [f"INV-{YEAR}-000001"]


@pytest.mark.parametrize(
    "change", ["UPDATE documents SET total_minor = 1", "DELETE FROM documents"]
)
async def test_a_document_is_never_changed(seeded: AsyncEngine, change: str) -> None:
    await write(seeded, invoice(1))
    with pytest.raises(DBAPIError, match="append-only"):
        async with seeded.begin() as tx:
            await run(tx, change)


async def test_a_parcel_has_one_invoice(seeded: AsyncEngine) -> None:
    await write(seeded, invoice(1))
    with pytest.raises(DBAPIError, match="uq_documents_one_invoice"):
        await write(seeded, invoice(1, key="again"))


async def test_credit_notes_at_once_never_exceed_their_invoice(seeded: AsyncEngine) -> None:
    await write(seeded, invoice(1))
    ended = await asyncio.gather(
        *(write(seeded, note(f"r{n}", 30)) for n in range(10)), return_exceptions=True
    )
    assert len([end for end in ended if end is None]) == 3
    found = [each for each in await written(seeded) if each.kind == "credit_note"]
    assert sum(each.total_minor for each in found) == 90
    assert [each.sequence for each in found] == [1, 2, 3]


@pytest.mark.parametrize(
    "wrong",
    [{"currency": "EUR"}, {"corrects": "INV-1999-000001"}, {"total_minor": 101},
     {"total_minor": 0}, {"corrects": None}],
    ids=json.dumps,
)  # fmt: skip
async def test_a_credit_note_that_fits_no_invoice_is_refused(
    seeded: AsyncEngine, wrong: dict[str, Any]
) -> None:
    await write(seeded, invoice(1))
    with pytest.raises(DBAPIError):
        await write(seeded, note("r1", 40, **wrong))
    assert len(await written(seeded)) == 1
