"""How customers ask for a return, and what the warehouse says of it."""

from collections.abc import Sequence
from typing import Any, Final

import httpx

from workers.errors import UserError
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.plan import DELIVERED, PlannedOrder

Json = dict[str, Any]
REASON: Final = "unwanted"


def every_unit(order: PlannedOrder, reason: str = REASON) -> list[Json]:
    return [
        {"line_no": number, "quantity": line["quantity"], "reason": reason}
        for number, line in enumerate(order.document["lines"], start=1)
    ]


def one_of_line(line_no: int, reason: str = REASON) -> list[Json]:
    return [{"line_no": line_no, "quantity": 1, "reason": reason}]


async def ask(hand: Hand, order: PlannedOrder, lines: list[Json], **wish: object) -> str:
    """Ask once it was delivered, again as long as the order moves on; the RMA."""
    if await hand.ended(order) != DELIVERED:
        raise ValueError(f"{order.order_id} was not delivered")
    path = f"/orders/{order.order_id}/returns"
    while True:
        version = (await hand.order(order))["version"]
        answer = await hand.api.send("POST", path, {"version": version, "lines": lines, **wish})
        if answer.body.get("rma"):
            return str(answer.body["rma"])
        if answer.status != httpx.codes.CONFLICT:
            raise UserError(f"POST {path}: {answer.status} {answer.body}")


async def come_back(
    hand: Hand, rma: str, *, accepted: bool = True, strangers: Sequence[Json] = ()
) -> None:
    """All that was announced arrives, and is looked at."""
    shown = (await hand.api.send("GET", f"/returns/{rma}")).body
    units = [{"item_no": each["item_no"], "quantity": each["requested"]} for each in shown["items"]]
    await hand.say(f"/returns/{rma}/receive", {"items": units, "strangers": list(strangers)})
    verdict = {"disposition": "restock" if accepted else "quarantine", "accepted": accepted}
    await hand.say(f"/returns/{rma}/inspect", {"units": [each | verdict for each in units]})


async def closed(hand: Hand, rma: str) -> Json:
    """Wait for the return's end."""

    async def end() -> Json:
        shown = (await hand.api.send("GET", f"/returns/{rma}")).body
        return shown if shown.get("state") == "closed" else {}

    return await hand.until(f"the end of {rma}", end)
