"""An order that is changed after it was placed, for the boundaries of what a change does."""

from dataclasses import replace
from typing import Final

import httpx

from workers.local.demo.plan import PlannedOrder
from workers.local.prove.orders import EAST, SHIPPING_MINOR, UNIT_MINOR, WEST, an_order
from workers.local.prove.stage import Stage

# One unit of two is given back with its part of the freight; one of another article is added.
BACK_MINOR: Final = UNIT_MINOR + SHIPPING_MINOR // 2 - UNIT_MINOR
CHANGES: Final = [
    {"kind": "cancel_units", "line_no": 1, "quantity": 1},
    {"kind": "add_line", "sku": WEST, "quantity": 1, "unit_price_minor": UNIT_MINOR},
]


async def asked_back(stage: Stage, number: int) -> PlannedOrder:
    """Its parcel is asked back as soon as it has left; the carrier delivers it all the same."""
    order = an_order(f"prove-asked-back-{number}", [(EAST, 1)])
    path = f"/orders/{order.order_id}/intercept"

    async def is_asked() -> bool:
        answer = await stage.api.send("POST", path, {"reason": "ordered by mistake"})
        return answer.status == httpx.codes.OK or answer.body.get("code") == "too_late"

    await stage.place(order)
    async with stage.warehouse([order]):
        await stage.until(is_asked)
    return order


async def changed_order(stage: Stage, number: int) -> PlannedOrder:
    order = replace(
        an_order(f"prove-changed-{number}", [(EAST, 2)]),
        back_minor=BACK_MINOR,
        units={EAST: 1, WEST: 1},
    )
    path = f"/orders/{order.order_id}/changes"

    async def is_made() -> bool:
        """Asked until it is taken: what nobody took was taken back, and is another change then."""
        found = (await stage.api.send("GET", path)).body.get("items", [])
        found = [each for each in found if each["code"] != "unavailable"]
        if not found:
            seen = (await stage.api.send("GET", f"/orders/{order.order_id}")).body
            await stage.api.send("POST", path, {"version": seen["version"], "changes": CHANGES})
        return [each["state"] for each in found] == ["applied"]

    with stage.kept_aside(order):
        await stage.place(order)
        await stage.parts(order)
        await stage.until(is_made)
    return order
