"""One house for all tests of what is seen, with an order that went through it."""

from collections.abc import AsyncIterator

import pytest

from db.inbox.keys import create_key
from tests.workers.conftest import a_world
from tests.workers.watch.house import House, a_house
from workers.local.postgres import PostgresServer
from workers.schedules import apply_schedules


@pytest.fixture(scope="session")
async def house(
    postgres: PostgresServer,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("watched")
    async with a_world(postgres, template_database, folder) as (world, settings):
        async with world.engine.begin() as tx:
            key = await create_key(tx, "tests", ["admin"])
        await apply_schedules(world.temporal, settings)
        async with a_house(world, settings, folder / "processes", key.secret) as house:
            yield house


@pytest.fixture(scope="session")
async def trace(house: House) -> str:
    """Place an order within a trace of the caller's; returns the trace's id."""
    sku = await house.world.sku(east=5)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "Idempotency-Key": "seen-1",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
        "X-Request-Id": "shop.request-1",
    }
    document = house.world.document((sku, 1), external_id="seen")
    answer = await house.caller.post("/orders", json=document, headers=headers)
    assert answer.status_code in (201, 202), answer.text
    assert answer.headers["X-Request-Id"] == "shop.request-1"
    return trace
