"""An order whose units are gone waits for stock, and goes on, or ends, when the wait does."""

import itertools
from dataclasses import replace
from typing import Any

from activities.setting_up import book_stock
from db.engine import run
from tests.workflows.conftest import World
from tests.workflows.test_short_picks import child, ledger, sound, work
from workflows.backorders import BackorderWorkflow
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import CORE_QUEUE, CancelOrder, LinesDone, Rejection, ResolveException
from workflows.order import OrderWorkflow

NUMBERS = itertools.count(1)


async def waiting(world: World, *, backorder_s: float = 600.0) -> tuple[Any, str, str]:
    """An order of two units, one of which nobody has."""
    sku = await world.sku(west=2)
    document = world.document((sku, 2))
    handle = await world.place(document, replace(world.timings, backorder_s=backorder_s))
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"shop-{document['external_id']}"
    await world.parts(order_id)
    first = child(world, order_id, 1)
    short = LinesDone("test", ((1, 1),), "not_found")
    await first.execute_update(FulfillmentWorkflow.picked, short)
    await first.execute_update(FulfillmentWorkflow.packed, LinesDone("test", ((1, 1),)))
    return handle, order_id, sku


async def arrives(world: World, sku: str, units: int) -> None:
    async with world.engine.begin() as tx:
        level = {"location": "east", "sku": sku, "on_hand": units}
        await book_stock(tx, level, f"arrival-{next(NUMBERS)}")
    await world.temporal.execute_workflow(
        BackorderWorkflow.run, world.timings, id=f"fill-{next(NUMBERS)}", task_queue=CORE_QUEUE
    )


async def test_a_backorder_is_shipped_when_its_units_come_in(world: World) -> None:
    handle, order_id, sku = await waiting(world)
    await world.parts(order_id)
    await arrives(world, sku, 5)
    await work(world, order_id, 2, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    parts = await world.parts(order_id)
    assert [(part.location, part.state) for part in parts] == [
        ("west", "delivered"),
        ("east", "delivered"),
    ]
    assert await ledger(world, order_id) == (2_500, 2)
    await sound(world, order_id)


async def test_a_backorder_that_expires_asks_and_may_be_cancelled(world: World) -> None:
    handle, order_id, _ = await waiting(world, backorder_s=1.0)

    async def asked() -> Any:
        return await world.row(
            "SELECT * FROM exceptions WHERE order_id = :o AND state = 'open'", o=order_id
        )

    exception = await world.until(asked)
    assert (exception.reason, exception.fulfillment_id) == ("backorder_expired", f"{order_id}-f2")
    await child(world, order_id, 2).execute_update(
        FulfillmentWorkflow.resolve_exception,
        ResolveException(exception.exception_id, "compensate", "test"),
    )
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_250, 1)
    mails = await world.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_id)
    assert f"{order_id}:partly_cancelled" in {mail.key for mail in mails}
    await sound(world, order_id)


async def test_a_backorder_is_cancelled_with_its_order(world: World) -> None:
    sku = await world.sku(west=1)
    document = world.document((sku, 1))
    handle = await world.place(document)
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"shop-{document['external_id']}"
    await world.parts(order_id)
    rejection = Rejection("test", "not_found")
    await child(world, order_id, 1).execute_update(FulfillmentWorkflow.rejected, rejection)
    await world.parts(order_id)
    await handle.execute_update(OrderWorkflow.cancel, CancelOrder("customer"))
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


async def test_a_declined_share_of_a_backorder_asks_and_is_given_up_alone(world: World) -> None:
    handle, order_id, sku = await waiting(world)
    await world.parts(order_id)
    async with world.engine.begin() as tx:
        await run(
            tx,
            "UPDATE tenders SET reference = 'pm_card_chargeDeclined' WHERE order_id = :o",
            o=order_id,
        )
    await arrives(world, sku, 1)

    async def asked() -> Any:
        return await world.row(
            "SELECT * FROM exceptions WHERE order_id = :o AND state = 'open'", o=order_id
        )

    exception = await world.until(asked)
    assert exception.reason == "share_declined"
    await child(world, order_id, 2).execute_update(
        FulfillmentWorkflow.resolve_exception,
        ResolveException(exception.exception_id, "compensate", "test"),
    )
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_250, 1)
    await sound(world, order_id)
