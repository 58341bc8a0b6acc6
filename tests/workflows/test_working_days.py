"""A warehouse is late by its calendar: a closed one is not asked about."""

from dataclasses import replace

from tests.closing_days import closed_for
from tests.workflows.conftest import World


async def test_a_closed_warehouse_is_not_late(world: World) -> None:
    timings = replace(world.timings, pick_s=0.5)
    closed = world.document((await world.sku(east=1), 1))
    working = world.document((await world.sku(west=1), 1))
    async with closed_for(world.engine, "east", days=2):
        await world.place(closed, timings)
        await world.parts(f"shop-{closed['external_id']}")
        await world.place(working, timings)

        async def asked() -> list[str]:
            found = await world.rows(
                "SELECT order_id FROM exceptions WHERE reason = 'pick_overdue' AND order_id = ANY("
                "CAST(:ids AS text[]))",
                ids=[f"shop-{each['external_id']}" for each in (closed, working)],
            )
            return [each.order_id for each in found]

        assert await world.until(asked) == [f"shop-{working['external_id']}"]
    for document in (closed, working):
        await world.work(document)
