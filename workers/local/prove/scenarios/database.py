"""The database drops connections, restarts, is full; and refuses to hold what must not be."""

import asyncio
from typing import Final

from sqlalchemy.exc import DBAPIError

from workers.local.prove.orders import EAST, a_mix
from workers.local.prove.stage import Outcome, Stage

DROPS: Final = 3
FULL_FOR_S: Final = 3.0
# Where a full disk is felt first: what is accepted, what is told, what is moved.
GROWING: Final = ("inbox", "order_events", "outbox", "stock_movements")
# Each breaks one promise, as a program that is wrong would; the database must not have it.
ROGUE: Final = {
    "more is held than is there": """
        UPDATE pool_levels SET open_demand = on_hand + 1 WHERE sku = :sku
    """,
    "a card is captured twice": """
        INSERT INTO payment_events (key, order_id, tender_no, authorization_key, event,
            amount_minor, currency)
        SELECT key || '-again', order_id, tender_no, authorization_key, event, amount_minor,
            currency
        FROM payment_events WHERE event = 'captured' AND authorization_key IS NOT NULL LIMIT 1
    """,
    "a parcel has two labels": """
        INSERT INTO labels (label_key, fulfillment_id, vendor, state)
        SELECT label_key || '-again', fulfillment_id, vendor, 'begun'
        FROM labels WHERE state = 'bought' LIMIT 1
    """,
    "more is refunded than was captured": """
        UPDATE authorizations SET refunded_minor = captured_minor + 1 WHERE state = 'taken'
    """,
    "an order is open without a next step": """
        UPDATE orders SET outcome = NULL, closed_at = NULL WHERE outcome = 'delivered'
    """,
    "the ledger of stock is rewritten": """
        UPDATE stock_movements SET on_hand_change = on_hand_change + 1 WHERE sku = :sku
    """,
}


async def troubled_database(stage: Stage) -> Outcome:
    orders = [order.delayed() for order in a_mix("database", stage.size.mix, stage.dice)]
    driving = asyncio.create_task(stage.drive(orders))
    try:
        for _ in range(DROPS):
            await asyncio.sleep(1.0)
            await _drop_connections(stage)
        await _fill_the_disk(stage)
        await stage.stack.kill("postgres")
        violations = await driving
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
    violations += await _rogue_writes(stage)
    return Outcome(len(orders), DROPS + len(GROWING) + 1 + len(ROGUE), violations)


async def _drop_connections(stage: Stage) -> None:
    """In the middle of whatever they do."""
    await stage.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
        " AND pid <> pg_backend_pid()"
    )


async def _fill_the_disk(stage: Stage) -> None:
    await stage.execute("""
        CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$
    """)
    for table in GROWING:
        await stage.execute(
            f"CREATE TRIGGER full_disk BEFORE INSERT ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION disk_full()"
        )
    await asyncio.sleep(FULL_FOR_S)
    await stage.execute("DROP FUNCTION disk_full() CASCADE")


async def _rogue_writes(stage: Stage) -> list[str]:
    found = []
    for what, statement in ROGUE.items():
        values = {"sku": EAST} if ":sku" in statement else {}
        try:
            await stage.execute(statement, **values)
        except DBAPIError:
            continue
        found.append(f"the database let it happen that {what}")
    return found
