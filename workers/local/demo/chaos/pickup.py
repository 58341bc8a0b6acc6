"""Paths of orders that their customers collect in a store, or do not."""

from collections.abc import Mapping
from typing import Final

from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.chaos.path import Path
from workers.local.demo.plan import CANCELLED, DELIVERED, PlannedOrder

READY: Final = "ready_for_pickup"


async def _collect(hand: Hand, order: PlannedOrder) -> None:
    """The customer comes with the code of the ready notice."""
    await hand.pack(order)
    for part in await hand.parts(order, READY):
        name = part["fulfillment_id"]
        await hand.say(f"/fulfillments/{name}/collected", {"code": hand.code_of(name)})


async def _nobody_comes(hand: Hand, order: PlannedOrder) -> None:
    await hand.pack(order)


def _collected(facts: Facts) -> bool:
    return (
        facts.ended(DELIVERED)
        and facts.has("parts", state="delivered", is_pickup=True)
        and not facts.labels
        and facts.captured_minor > 0
    )


def _put_back(facts: Facts) -> bool:
    return (
        facts.ended(CANCELLED)
        and facts.has("parts", state="cancelled", is_pickup=True)
        and facts.has("events", event="NotCollected")
        and facts.captured_minor == facts.refunded_minor
    )


PATHS: Final[Mapping[str, Path]] = {
    "store_pickup": Path(_collected, _collect, by_hand=True, own_goods=True, in_store=True),
    "pickup_no_show": Path(
        _put_back, _nobody_comes, end=CANCELLED, by_hand=True, own_goods=True, in_store=True
    ),
}
