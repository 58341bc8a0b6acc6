"""Paths of orders that wait: for a person, for a better address, for their goods' first day."""

from collections.abc import Callable, Mapping
from typing import Final

from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.chaos.path import Path
from workers.local.demo.plan import DELIVERED, PlannedOrder

CAREFUL: Final = "careful"


async def _clear_suspicion(hand: Hand, order: PlannedOrder) -> None:
    hold = await hand.open_hold(order, "fraud_review")
    path = f"/orders/{order.order_id}/holds/{hold['number']}/release"
    await hand.say(path, {"reason": "known to the shop"})


async def _correct_address(hand: Hand, order: PlannedOrder) -> None:
    hold = await hand.open_hold(order, "address_problem")
    path = f"/orders/{order.order_id}/holds/{hold['number']}/correct-address"
    await hand.say(path, {"ship_to": {**order.document["ship_to"], "line1": "1 Main Street"}})


def _released(kind: str) -> Callable[[Facts], bool]:
    return lambda facts: (
        facts.ended(DELIVERED)
        and any(hold["state"] in ("released", "expired") for hold in facts.all("holds", kind=kind))
    )


def _corrected(facts: Facts) -> bool:
    return _released("address_problem")(facts) and facts.has("orders", address_verified=True)


PATHS: Final[Mapping[str, Path]] = {
    "fraud_hold": Path(
        _released("fraud_review"),
        _clear_suspicion,
        policy=CAREFUL,
        mailbox="mailinator.com",
    ),
    "address_hold": Path(
        _corrected, _correct_address, policy=CAREFUL, street="Undeliverable Street"
    ),
    "preorder": Path(_released("preorder_date"), own_goods=True, is_preorder=True),
}
