"""Orders that are put on hold and released again, for the boundaries of what holds do."""

from workers.local.demo.plan import PlannedOrder
from workers.local.prove.orders import EAST, an_order
from workers.local.prove.stage import Stage


async def holds_orders(stage: Stage, number: int) -> list[PlannedOrder]:
    """One whose parcel is held up and let go: it is placed, looked at and altered on the way."""
    order = an_order(f"prove-held-{number}", [(EAST, 1)])
    with stage.kept_aside(order):
        await stage.place(order)
        await stage.parts(order)
        hold = 1
        # On a slow machine a hold may run out before anybody gets to release it.
        while not await _is_released(stage, order, hold):
            hold += 1
    return [order]


async def _is_released(stage: Stage, order: PlannedOrder, number: int) -> bool:
    """Place the order's hold of this number and release it; False when it ran out before."""
    path = f"/orders/{order.order_id}/holds"
    asked = {"kind": "customer_request", "reason": "is away for a moment"}
    key = {"Idempotency-Key": f"hold-{order.order_id}-{number}"}

    async def state() -> str:
        found = await stage.rows(
            "SELECT state FROM holds WHERE order_id = :o AND number = :n",
            o=order.order_id,
            n=number,
        )
        return str(found[0].state) if found else ""

    async def is_placed() -> bool:
        """Asked again, it is the same hold."""
        await stage.api.send("POST", path, asked, key)
        return bool(await state())

    async def is_over() -> bool:
        await stage.api.send("POST", f"{path}/{number}/release", {"reason": "is back"})
        return await state() != "open"

    await stage.until(is_placed)
    await stage.until(is_over)
    return await state() == "released"
