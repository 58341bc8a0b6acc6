"""An import is written whole or not at all, and the same file again changes nothing."""

import re
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import row, rows, run
from db.queries.brands import BRAND, brand_of
from domain.brand import Brand, Colors
from tests.workers.test_setup_file import (
    ACCOUNT,
    ADDRESS,
    CHANNEL,
    CREDIT,
    LOCATION,
    PRODUCT,
    SELLER,
    STOCK,
)
from workers.errors import UserError
from workers.importing import Origin, import_setup
from workers.setup_file import read_setup

WHOLE = {
    "pools": ["main"], "locations": [LOCATION], "sellers": [SELLER], "channels": [CHANNEL],
    "products": [PRODUCT], "brands": [{"channel": "shop"}],
    "stock": [{**STOCK, "safety_stock": 2}], "store_credits": [CREDIT],
    "return_policies": [{"channel": "shop", "window_days": 14}],
    "carrier_accounts": [ACCOUNT],
}  # fmt: skip


async def imported(engine: AsyncEngine, content: dict[str, Any]) -> dict[str, int]:
    return await import_setup(engine, read_setup(content), Origin("cli:tests"))


async def levels(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        found = await rows(connection, "SELECT sku, on_hand, safety_stock FROM pool_levels")
        return [tuple(each) for each in found]


async def test_a_second_import_of_the_same_file_receives_nothing_twice(
    fresh_engine: AsyncEngine,
) -> None:
    assert set((await imported(fresh_engine, WHOLE)).values()) == {1}
    await imported(fresh_engine, WHOLE)
    assert await levels(fresh_engine) == [("A-1", 10, 2)]
    await imported(fresh_engine, {"stock": [{**STOCK, "on_hand": 3}]})
    assert await levels(fresh_engine) == [("A-1", 13, 2)]


async def test_what_refers_to_nothing_is_named_and_nothing_is_written(
    fresh_engine: AsyncEngine,
) -> None:
    content = {
        "pools": ["main"],
        "products": [PRODUCT],
        "brands": [{"channel": "shop"}],
        "locations": [{**LOCATION, "pool": "moon"}],
        "channels": [{**CHANNEL, "pool": "sun", "seller": "nobody"}],
        "stock": [{**STOCK, "location": "west"}, {**STOCK, "sku": "B-9"}],
    }
    with pytest.raises(UserError) as refused:
        await imported(fresh_engine, content)
    assert [line.strip() for line in str(refused.value).splitlines()] == [
        "locations[0].pool: 'moon' is unknown",
        "channels[0].pool: 'sun' is unknown",
        "channels[0].seller: 'nobody' is unknown",
        "stock[0].location: 'west' is unknown",
        "stock[1].sku: 'B-9' is unknown",
    ]
    async with fresh_engine.connect() as connection:
        assert not await rows(connection, "SELECT pool FROM pools UNION SELECT sku FROM products")


async def test_a_file_may_refer_to_what_an_earlier_one_brought(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, {"pools": ["main"], "locations": [LOCATION]})
    await imported(fresh_engine, {"products": [PRODUCT]})
    assert await imported(fresh_engine, {"stock": [STOCK]})
    assert await levels(fresh_engine) == [("A-1", 10, 0)]


async def test_a_location_keeps_every_field_of_its_address(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, {"pools": ["main"], "locations": [LOCATION]})
    async with fresh_engine.connect() as connection:
        (found,) = await rows(connection, "SELECT address FROM locations")
    assert found.address == {**ADDRESS, "phone": None}


async def test_what_a_channel_does_with_doubtful_orders_is_set_up(
    fresh_engine: AsyncEngine,
) -> None:
    policy = {"review_from": 50, "large_minor": {"USD": 50_000}}
    channel = {**CHANNEL, "undeliverable": "hold", "fraud_policy": policy}
    product = {**PRODUCT, "available_from": "2027-01-01T00:00:00Z"}
    await imported(fresh_engine, {**WHOLE, "channels": [channel], "products": [product]})
    async with fresh_engine.connect() as connection:
        (found,) = await rows(connection, "SELECT undeliverable, fraud_policy FROM channels")
        (sold,) = await rows(connection, "SELECT available_from FROM products")
    assert tuple(found) == ("hold", policy)
    assert sold.available_from.isoformat().startswith("2027-01-01")
    await imported(fresh_engine, {"channels": [CHANNEL]})
    async with fresh_engine.connect() as connection:
        (found,) = await rows(connection, "SELECT undeliverable, fraud_policy FROM channels")
    assert tuple(found) == ("refuse", None)


async def test_stores_and_channels_that_wait_for_stock_are_set_up(
    fresh_engine: AsyncEngine,
) -> None:
    store = {**WHOLE["locations"][0], "capabilities": ["pickup"]}
    channel = {**CHANNEL, "on_out_of_stock": "backorder"}
    for setup, found in (
        ({"locations": [store], "channels": [channel]}, (["pickup"], "backorder")),
        ({"locations": WHOLE["locations"], "channels": [CHANNEL]}, ([], "refuse")),
    ):
        await imported(fresh_engine, {**WHOLE, **setup})
        async with fresh_engine.connect() as connection:
            query = "SELECT capabilities, on_out_of_stock FROM locations, channels"
            assert [tuple(each) for each in await rows(connection, query)] == [found]


async def sellers(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        found = await rows(
            connection,
            "SELECT c.channel, s.legal_name, s.invoice_series, s.credit_note_series, s.language"
            " FROM channels c LEFT JOIN sellers s USING (seller)",
        )
        return [tuple(each) for each in found]


async def test_a_channel_gets_its_legal_seller_and_keeps_it(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, {"pools": ["main"], "channels": [CHANNEL]})
    assert await sellers(fresh_engine) == [("shop", None, None, None, None)]
    sold = {"sellers": [SELLER], "channels": [{**CHANNEL, "seller": "cauce"}]}
    await imported(fresh_engine, sold)
    assert await sellers(fresh_engine) == [("shop", "Cauce S.L.", "INV", "CRN", "en")]
    await imported(fresh_engine, {"channels": [CHANNEL]})
    await imported(fresh_engine, {"sellers": [{**SELLER, "legal_name": "Cauce S.A."}]})
    assert await sellers(fresh_engine) == [("shop", "Cauce S.A.", "INV", "CRN", "en")]


async def brand(engine: AsyncEngine) -> Brand:
    async with engine.connect() as connection:
        found = await row(
            connection,
            f"SELECT {BRAND} FROM channels c LEFT JOIN brands b USING (channel)",
        )
    return brand_of(found)


async def test_a_channel_gets_its_brand_and_another_in_its_place(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, {"pools": ["main"], "channels": [CHANNEL]})
    assert await brand(fresh_engine) == Brand("Shop")
    given = {
        "channel": "shop", "name": "Río", "sender": "hola@rio.example", "language": "pt",
        "support": "ajuda@rio.example", "logo_url": "https://cdn.example/l.png",
        "logo_alt": "O rio", "legal_lines": ["Río, S.L."], "colors": {"accent": "#800020"},
    }  # fmt: skip
    await imported(fresh_engine, {"brands": [given]})
    assert await brand(fresh_engine) == Brand(
        "Río", "Río", "hola@rio.example", "https://cdn.example/l.png", "O rio",
        "ajuda@rio.example", ("Río, S.L.",), "pt", Colors("#800020"),
    )  # fmt: skip
    await imported(fresh_engine, {"brands": [{"channel": "shop", "sender_name": "Orders"}]})
    assert await brand(fresh_engine) == Brand("Shop", sender_name="Orders")


async def test_a_brand_needs_its_channel(fresh_engine: AsyncEngine) -> None:
    with pytest.raises(UserError, match=r"brands\[0\].channel: 'mall' is unknown"):
        await imported(fresh_engine, {"brands": [{"channel": "mall"}]})


async def test_a_series_belongs_to_one_seller(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, {"sellers": [SELLER]})
    other = {**SELLER, "seller": "other", "invoice_series": "FAC"}
    with pytest.raises(UserError, match=r"credit_note_series: CRN belongs to 'cauce'"):
        await imported(fresh_engine, {"sellers": [other]})
    await imported(fresh_engine, {"sellers": [{**other, "credit_note_series": "REC"}]})


async def test_a_location_with_units_is_not_closed_by_a_file(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, WHOLE)
    for said, why in (
        ({"active": False}, "locations[0].active: 10 units of 1 SKU lie there"),
        ({"ships": False}, "locations[0].ships: 10 units of 1 SKU lie there"),
    ):
        with pytest.raises(UserError, match=re.escape(why)):
            await imported(fresh_engine, {"locations": [{**LOCATION, **said}]})
    async with fresh_engine.connect() as connection:
        found = await row(connection, "SELECT active, ships FROM locations")
    assert found is not None
    assert tuple(found) == (True, True)


async def test_a_closed_location_receives_nothing_new(fresh_engine: AsyncEngine) -> None:
    await imported(fresh_engine, WHOLE)
    async with fresh_engine.begin() as tx:
        await run(tx, "UPDATE locations SET active = false")
    await imported(fresh_engine, WHOLE)
    more = {"stock": [{**STOCK, "on_hand": 3}]}
    why = re.escape("stock[0].location: 'east' is not active: it receives nothing")
    with pytest.raises(UserError, match=why):
        await imported(fresh_engine, more)
    assert await levels(fresh_engine) == [("A-1", 10, 2)]
