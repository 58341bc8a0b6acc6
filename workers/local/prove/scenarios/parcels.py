"""Orders whose fulfillment goes wrong: rejected and filled again, damaged, replaced, given up."""

import asyncio

from workers.local.demo.plan import LOST, PlannedOrder
from workers.local.prove.orders import CAREFUL, DAMAGED, EAST, an_order
from workers.local.prove.stage import Stage


async def parcels_orders(stage: Stage, number: int) -> list[PlannedOrder]:
    """Begin one order of each kind; they end by themselves while a warehouse works."""
    return list(
        await asyncio.gather(
            _rejected(stage, number), _damaged_twice(stage, number), _replaced_once(stage, number)
        )
    )


async def _rejected(stage: Stage, number: int) -> PlannedOrder:
    """Its only location has no hands for it: it waits, and is filled from there again."""
    order = an_order(f"prove-reject-{number}", [(EAST, 1)])

    async def rejected() -> bool:
        """A part's row is there a moment before its run."""
        path = f"/fulfillments/{part.fulfillment_id}/rejected"
        await stage.api.send("POST", path, {"reason": "no_capacity"})
        parts = await stage.rows(
            "SELECT 1 FROM fulfillments WHERE order_id = :o AND backordered_at IS NOT NULL",
            o=order.order_id,
        )
        return bool(parts)

    with stage.kept_aside(order):
        await stage.place(order)
        [part] = await stage.parts(order)
        await stage.until(rejected)
    return order


async def _damaged_twice(stage: Stage, number: int) -> PlannedOrder:
    """A person has it sent once more; when that is damaged too, it is refunded."""
    order = an_order(f"prove-damaged-{number}", [(EAST, 1)], expected=LOST, street=DAMAGED)
    await stage.place(order)
    async with stage.warehouse([order]):
        await stage.resolve(order, {"resolution": "reship"})
        await stage.resolve(order, {"resolution": "compensate"})
    return order


async def _replaced_once(stage: Stage, number: int) -> PlannedOrder:
    """The channel's policy replaces it; that the replacement is damaged too, a person decides."""
    order = an_order(
        f"prove-replaced-{number}", [(EAST, 1)], channel=CAREFUL, expected=LOST, street=DAMAGED
    )
    await stage.place(order)
    async with stage.warehouse([order]):
        await stage.resolve(order, {"resolution": "compensate"})
    return order
