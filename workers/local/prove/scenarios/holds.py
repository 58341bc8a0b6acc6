"""Orders that are put on hold and released again, for the boundaries of what holds do."""

from collections.abc import Sequence
from typing import Any

from workers.local.demo.plan import PlannedOrder
from workers.local.prove.orders import EAST, an_order
from workers.local.prove.stage import Stage


async def holds_orders(stage: Stage, number: int) -> list[PlannedOrder]:
    """One whose parcel is held up and let go: it is placed, looked at and altered on the way."""
    order = an_order(f"prove-held-{number}", [(EAST, 1)])
    with stage.kept_aside(order):
        await stage.place(order)
        await stage.parts(order)
        await _hold(stage, order)
        await _release(stage, order)
    return [order]


async def _hold(stage: Stage, order: PlannedOrder) -> None:
    asked = {"kind": "customer_request", "reason": "is away for a moment"}
    key = {"Idempotency-Key": f"hold-{order.order_id}"}

    async def is_held() -> Sequence[Any]:
        """Asked again, it is the same hold."""
        await stage.api.send("POST", f"/orders/{order.order_id}/holds", asked, key)
        return await _holds(stage, order, "open")

    await stage.until(is_held)


async def _release(stage: Stage, order: PlannedOrder) -> None:
    path = f"/orders/{order.order_id}/holds/1/release"

    async def is_free() -> Sequence[Any]:
        await stage.api.send("POST", path, {"reason": "is back"})
        return await _holds(stage, order, "released")

    await stage.until(is_free)


async def _holds(stage: Stage, order: PlannedOrder, state: str) -> Sequence[Any]:
    return await stage.rows(
        "SELECT 1 FROM holds WHERE order_id = :o AND state = :state", o=order.order_id, state=state
    )
