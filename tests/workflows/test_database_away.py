"""An outage of the database that outlasts a step's local attempts is waited for: nothing fails."""

import asyncio

from db.engine import run
from tests.workflows.conftest import World

# Seven local attempts are over in four seconds when each fails at once.
AWAY_S = 5.0


async def test_a_database_that_is_full_for_longer_than_local_attempts_last(world: World) -> None:
    sku = await world.sku(west=5)
    async with world.engine.begin() as tx:
        await run(
            tx,
            f"""
            CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$;
            CREATE TRIGGER no_space BEFORE INSERT ON reservations
                FOR EACH ROW WHEN (NEW.sku = '{sku}') EXECUTE FUNCTION no_space()
            """,
        )
    document = world.document((sku, 1))
    order = await world.place(document)
    await asyncio.sleep(AWAY_S)  # the outage itself
    async with world.engine.begin() as tx:
        await run(tx, "DROP FUNCTION no_space() CASCADE")
    await world.work(document)
    assert (await order.result()).outcome == "delivered"
    regular = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in (await order.fetch_history()).events
    ]
    assert "reserve" in regular, "the server retries it, where everybody sees it"
