"""Orders whose goods come back: each end of a return by an order of its own, every step reached."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx

from workers.local.demo.plan import PlannedOrder
from workers.local.prove.orders import (
    ATTIC,
    EAST,
    OUTLET,
    SHIPPING_MINOR,
    UNIT_MINOR,
    WEST,
    an_order,
)
from workers.local.prove.stage import Stage

ALL_MINOR: Final = UNIT_MINOR + SHIPPING_MINOR
SENT_INSTEAD: Final = [{"sku": WEST, "quantity": 1, "unit_price_minor": UNIT_MINOR}]
EXCHANGE: Final = {
    "resolution": "exchange",
    "instead": SENT_INSTEAD,
    "payment_reference": "pm_card_visa",
}


# Where a return is when it was said, and heard.
BEYOND: Final = {
    "approve": ("approved", "received", "inspected", "settled", "closed"),
    "refuse": ("closed",),
    "cancel": ("closed",),
    "receive": ("received", "inspected", "settled", "closed"),
    "inspect": ("inspected", "settled", "closed"),
}


@dataclass(frozen=True)
class Path:
    """What is asked, what is done about it, how it ends, and what the customer has back then."""

    wish: dict[str, Any]
    act: Callable[[Stage, str], Awaitable[None]]
    outcome: str
    back_minor: int = 0
    channel: str = "shop"


@dataclass(frozen=True)
class Returned:
    """`last` is delivered, and its return still to be walked."""

    orders: int
    violations: list[str]
    last: PlannedOrder


async def return_orders(stage: Stage, prefix: str) -> Returned:
    """Have one order delivered for each path, and its goods brought back; every return ends."""
    orders = [
        replace(
            an_order(f"prove-{prefix}-{name}", [(EAST, 1)], channel=path.channel),
            back_minor=path.back_minor,
        )
        for name, path in PATHS.items()
    ]
    last = an_order(f"prove-{prefix}-given-up", [(EAST, 1)])
    violations = await stage.drive([*orders, last])
    async with stage.warehouse(orders):
        violations += await asyncio.gather(
            *(_walk(stage, each, path) for each, path in zip(orders, PATHS.values(), strict=True))
        )
    return Returned(len(orders) + 1, [each for each in violations if each], last)


async def refund_given_up(stage: Stage, order: PlannedOrder) -> list[str]:
    """By itself: the fault must meet the refund it is meant for."""
    return [each for each in [await _walk(stage, order, GIVEN_UP)] if each]


async def _walk(stage: Stage, order: PlannedOrder, path: Path) -> str:
    """Ask for the return and follow it to its end; what is wrong with that, else nothing."""
    rma = await _ask(stage, order, path.wish)
    await path.act(stage, rma)

    async def closed() -> str | None:
        found = await stage.api.send("GET", f"/returns/{rma}")
        return found.body["outcome"] if found.status == httpx.codes.OK else None

    outcome = await stage.until(closed)
    return "" if outcome == path.outcome else f"{rma} ended {outcome}, not {path.outcome}"


async def _ask(stage: Stage, order: PlannedOrder, wish: dict[str, Any]) -> str:
    """Ask again as long as the order moves on under our hands."""
    line = {"line_no": 1, "quantity": 1, "reason": "unwanted"} | wish.get("line", {})
    body = {name: value for name, value in wish.items() if name != "line"}

    async def asked() -> str | None:
        seen = (await stage.api.send("GET", f"/orders/{order.order_id}")).body
        answer = await stage.api.send(
            "POST",
            f"/orders/{order.order_id}/returns",
            {"version": seen["version"], "lines": [line], **body},
        )
        return answer.body.get("rma")

    return str(await stage.until(asked))


async def _tell(stage: Stage, rma: str, verb: str, said: dict[str, Any] | None = None) -> None:
    """Say it until it is done, or seen to be done by a word whose answer was lost."""

    async def done() -> bool:
        answer = await stage.api.send("POST", f"/returns/{rma}/{verb}", said or {})
        if answer.status == httpx.codes.OK:
            return True
        seen = await stage.api.send("GET", f"/returns/{rma}")
        return seen.body.get("state") in BEYOND[verb]

    await stage.until(done)


async def _nothing(stage: Stage, rma: str) -> None:
    """Nobody says anything more."""


async def _come_back(stage: Stage, rma: str) -> None:
    await _tell(stage, rma, "receive", {"items": [{"item_no": 1, "quantity": 1}]})
    units = [{"item_no": 1, "quantity": 1, "disposition": "restock"}]
    await _tell(stage, rma, "inspect", {"units": units})


async def _approve(stage: Stage, rma: str) -> None:
    await _tell(stage, rma, "approve")
    await _come_back(stage, rma)


async def _refuse(stage: Stage, rma: str) -> None:
    await _tell(stage, rma, "refuse", {"reason": "worn"})


async def _after_code(stage: Stage, rma: str) -> None:
    """Goods that come at once need no code any more."""

    async def given() -> Any:
        return await stage.rows(
            "SELECT 1 FROM returns WHERE rma = :rma AND drop_off_code IS NOT NULL", rma=rma
        )

    await stage.until(given)
    await _come_back(stage, rma)


async def _call_off(stage: Stage, rma: str) -> None:
    async def labelled() -> Any:
        return await stage.rows(
            "SELECT 1 FROM labels WHERE rma = :rma AND state = 'bought'", rma=rma
        )

    await stage.until(labelled)
    await _tell(stage, rma, "cancel")


async def _give_up(stage: Stage, rma: str) -> None:
    """The vendor refuses our credentials for the refund, and a person lets it be."""
    await stage.fault("http_401", vendor="stripe", method="POST", path_prefix="/v1/refunds",
                      times=1)  # fmt: skip
    await _come_back(stage, rma)

    async def asked() -> Any:
        return await stage.rows(
            "SELECT exception_id FROM exceptions WHERE starts_with(exception_id, :rma)"
            " AND state = 'open' AND step = 'refund payment'",
            rma=rma,
        )

    (waiting,) = await stage.until(asked)
    await stage.decide(waiting.exception_id, {"resolution": "skip", "note": "paid in cash"})


PATHS: Final[dict[str, Path]] = {
    "refunded": Path({}, _come_back, "refunded", ALL_MINOR),
    "dropped-off": Path({"method": "drop_off"}, _after_code, "refunded", ALL_MINOR),
    "looked-at": Path({"line": {"condition": "used"}}, _approve, "refunded", ALL_MINOR),
    "refused": Path({"line": {"condition": "used"}}, _refuse, "refused"),
    "called-off": Path({"location": ATTIC}, _call_off, "cancelled"),
    "never-came": Path({}, _nothing, "never_arrived", channel=OUTLET),
    "credited": Path({"resolution": "store_credit"}, _come_back, "credited"),
    "exchanged": Path(dict(EXCHANGE), _come_back, "exchanged"),
    "advance": Path({**EXCHANGE, "advance": True}, _nothing, "exchanged", -UNIT_MINOR, OUTLET),
}
GIVEN_UP: Final = Path({}, _give_up, "refunded")
