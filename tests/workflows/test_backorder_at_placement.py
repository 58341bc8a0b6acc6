"""A channel that takes orders whose units are not all there: the rest waits from the start."""

from dataclasses import replace
from typing import Any

from activities.setting_up import book_stock, upsert_catalog
from tests.workflows.conftest import SETUP, World
from tests.workflows.test_short_picks import child, ledger, sound, work
from workflows.backorders import BackorderWorkflow
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import CORE_QUEUE, CancelOrder, ResolveException
from workflows.order import OrderWorkflow

PATIENT = SETUP["channels"][0] | {  # type: ignore[operator]
    "channel": "patient", "name": "Patient", "on_out_of_stock": "backorder"
}  # fmt: skip


async def placed(world: World, *, free: int, backorder_s: float = 600.0) -> tuple[Any, str, str]:
    """An order of three units, of which only some are there."""
    async with world.engine.begin() as tx:
        await upsert_catalog(tx, {"channels": [PATIENT]})
    sku = await world.sku(west=free)
    document = world.document((sku, 3), channel="patient")
    handle = await world.place(document, replace(world.timings, backorder_s=backorder_s))
    admitted = await handle.execute_update(OrderWorkflow.admission)
    assert admitted.status == "admitted"
    return handle, f"patient-{document['external_id']}", sku


async def arrives(world: World, sku: str, units: int) -> None:
    async with world.engine.begin() as tx:
        level = {"location": "east", "sku": sku, "on_hand": units}
        await book_stock(tx, level, f"arrival-of-{sku}")
    await world.temporal.execute_workflow(
        BackorderWorkflow.run, world.timings, id=f"fill-{sku}", task_queue=CORE_QUEUE
    )


async def test_what_is_there_ships_and_the_rest_follows(world: World) -> None:
    handle, order_id, sku = await placed(world, free=2)
    parts = await world.parts(order_id)
    assert [(part.location, part.state, part.lines) for part in parts] == [
        ("west", "open", [[1, 2]]),
        ("west", "backordered", [[1, 1]]),
    ]
    order = await world.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert order.promise_by >= parts[1].next_deadline
    await work(world, order_id, 1, (1, 2))
    await arrives(world, sku, 5)
    await work(world, order_id, 2, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (3_500, 2)
    mails = {
        mail.key.removeprefix(f"{order_id}:")
        for mail in await world.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_id)
    }
    assert "backorder_confirmed" in mails
    assert not mails & {"order_confirmed", "backordered:f2"}
    await sound(world, order_id)


async def test_an_order_of_which_nothing_is_there_waits_whole(world: World) -> None:
    handle, order_id, sku = await placed(world, free=0)
    [part] = await world.parts(order_id)
    assert part.state == "backordered"
    await arrives(world, sku, 3)
    await work(world, order_id, 1, (1, 3))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (3_500, 1)
    await sound(world, order_id)


async def test_it_may_be_cancelled_while_it_waits(world: World) -> None:
    handle, order_id, _ = await placed(world, free=0)
    await world.parts(order_id)
    await handle.execute_update(OrderWorkflow.cancel, CancelOrder("customer"))
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


async def test_what_has_not_come_in_time_is_asked_about(world: World) -> None:
    handle, order_id, _ = await placed(world, free=2, backorder_s=1.0)
    await world.parts(order_id)
    await work(world, order_id, 1, (1, 2))

    async def asked() -> Any:
        return await world.row(
            "SELECT * FROM exceptions WHERE order_id = :o AND state = 'open'", o=order_id
        )

    exception = await world.until(asked)
    await child(world, order_id, 2).execute_update(
        FulfillmentWorkflow.resolve_exception,
        ResolveException(exception.exception_id, "compensate", "test"),
    )
    assert (await handle.result()).outcome == "delivered"
    paid, labels = await ledger(world, order_id)
    assert (paid, labels) == (2_333, 1)
    await sound(world, order_id)
