"""Paths of orders that their customers change or call off after placing them."""

from collections.abc import Mapping
from typing import Final

from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.chaos.path import Path
from workers.local.demo.plan import CANCELLED, PlannedOrder

# How long the carrier's vendor takes, in seconds: meanwhile the order is put on hold.
SLOW_VENDOR_S: Final = 8.0


async def _cancel_labelled(hand: Hand, order: PlannedOrder) -> None:
    """A hold overtakes the purchase of the label, so that the parcel stays with us."""
    await hand.vendors.fault(
        kind="delay", vendor="easypost", method="POST", path_prefix="/v2/shipments",
        seconds=SLOW_VENDOR_S, about=f'"{order.order_id}:',
    )  # fmt: skip
    await hand.pack(order)
    body = {"kind": "channel_hold", "reason": "the channel asks to wait"}
    await hand.say(f"/orders/{order.order_id}/holds", body)

    async def labelled() -> bool:
        return any(label["state"] == "bought" for part in await hand.parts(order)
                   for label in part["labels"])  # fmt: skip

    await hand.until("a label", labelled)
    await hand.say(f"/orders/{order.order_id}/cancel", {"reason": "changed their mind"})


def _label_voided(facts: Facts) -> bool:
    return (
        facts.ended(CANCELLED)
        and bool(facts.labels)
        and all(label["voided"] for label in facts.labels)
        and facts.captured_minor == facts.refunded_minor
    )


PATHS: Final[Mapping[str, Path]] = {
    "cancel_after_label": Path(
        _label_voided,
        _cancel_labelled,
        end=CANCELLED,
        by_hand=True,
        # The carrier is quick here: one that collects the parcel keeps its postage.
        street="Never Scanned Street",
    ),
}
