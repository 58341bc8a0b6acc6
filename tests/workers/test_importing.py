"""An import is written whole or not at all, and the same file again changes nothing."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import rows
from tests.workers.test_setup_file import ADDRESS, CHANNEL, CREDIT, LOCATION, PRODUCT, STOCK
from workers.errors import UserError
from workers.importing import Origin, import_setup
from workers.setup_file import read_setup

WHOLE = {
    "pools": ["main"], "locations": [LOCATION], "channels": [CHANNEL], "products": [PRODUCT],
    "stock": [{**STOCK, "safety_stock": 2}], "store_credits": [CREDIT],
    "return_policies": [{"channel": "shop", "window_days": 14}],
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
        "locations": [{**LOCATION, "pool": "moon"}],
        "channels": [{**CHANNEL, "pool": "sun"}],
        "stock": [{**STOCK, "location": "west"}, {**STOCK, "sku": "B-9"}],
    }
    with pytest.raises(UserError) as refused:
        await imported(fresh_engine, content)
    assert [line.strip() for line in str(refused.value).splitlines()] == [
        "locations[0].pool: 'moon' is unknown",
        "channels[0].pool: 'sun' is unknown",
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
