"""Paths of parcels that go wrong: in the warehouse, at the vendors, on the road."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand, lines_of
from workers.local.demo.chaos.path import Act, Path
from workers.local.demo.plan import DELIVERED, LOST, PlannedOrder

# -- in the warehouse


async def _pick_short(hand: Hand, order: PlannedOrder) -> None:
    """One unit of the first parcel is broken."""
    part = (await hand.parts(order, "open"))[0]
    lines = lines_of(part)
    lines[0]["quantity"] -= 1
    picked = [line for line in lines if line["quantity"]]
    path = f"/fulfillments/{part['fulfillment_id']}/picked"
    await hand.say(path, {"lines": picked, "reason": "damaged"})
    hand.let_go(order)


async def _wait_for_stock(hand: Hand, order: PlannedOrder) -> None:
    """Nobody finds the units, until as many come in."""
    for part in await hand.parts(order, "open"):
        path = f"/fulfillments/{part['fulfillment_id']}/rejected"
        await hand.say(path, {"reason": "not_found"})
    waiting = (await hand.parts(order, "backordered"))[0]
    for line in waiting["lines"]:
        await hand.receive(waiting["location"], line["sku"], line["quantity"])
    hand.let_go(order)


async def _work_late(hand: Hand, order: PlannedOrder) -> None:
    """Nobody picks it before the hold on its card has to be made anew."""

    async def renewed() -> bool:
        tenders = (await hand.order(order)).get("tenders", ())
        return any(len(tender["authorizations"]) > 1 for tender in tenders)

    await hand.until("another authorization", renewed)
    hand.let_go(order)


def _rerouted(facts: Facts) -> bool:
    parts = facts.all("parts", state="delivered", rma=None)
    return facts.ended(DELIVERED) and len({part["location"] for part in parts}) > 1


def _filled(facts: Facts) -> bool:
    return facts.has("parts", state="delivered", waited=True, filled=True)


def _reauthorized(facts: Facts) -> bool:
    return (
        facts.ended(DELIVERED)
        and len(facts.all("money", event="authorized")) > 1
        and facts.has("money", event="voided")
    )


# -- at the vendors


async def _refuse_capture(hand: Hand, order: PlannedOrder) -> None:
    async def held() -> list[dict[str, Any]]:
        payments = (await hand.vendors.ledger())["payments"]
        return [line for line in payments if line["order"] == order.order_id]

    await hand.parts(order, "open")
    for line in await hand.until("an authorization", held):
        path = f"/v1/payment_intents/{line['intent']}/capture"
        await hand.vendors.fault(kind="refused", vendor="stripe", method="POST", path_prefix=path)
    hand.let_go(order)
    await hand.decide(order, "retry")


async def _refuse_label(hand: Hand, order: PlannedOrder) -> None:
    await hand.vendors.fault(
        kind="refused", vendor="easypost", method="POST", path_prefix="/v2/shipments",
        about=f'"{order.order_id}:',
    )  # fmt: skip
    hand.let_go(order)
    await hand.decide(order, "retry")


def _asked_and_retried(*steps: str) -> Callable[[Facts], bool]:
    return lambda facts: (
        facts.ended(DELIVERED)
        and any(facts.has("exceptions", step=step, resolution="retry") for step in steps)
    )


# -- on the road


async def _ask_back(hand: Hand, order: PlannedOrder) -> None:
    """The customer thinks again when it has just left."""
    await hand.parts(order, "handed_over")
    await hand.say(f"/orders/{order.order_id}/intercept", {"reason": "ordered by mistake"})


def _intercepted(facts: Facts) -> bool:
    """Refunded because it was asked back: nobody had to decide."""
    return (
        facts.ended(LOST)
        and facts.has("plays", play="intercepted")
        and not facts.has("exceptions", reason="returned_to_sender")
        and facts.is_paid_back
    )


def _decide(resolution: str, *reasons: str) -> Act:
    async def decided(hand: Hand, order: PlannedOrder) -> None:
        await hand.decide(order, resolution, *reasons)

    return decided


async def _turn_up(hand: Hand, order: PlannedOrder) -> None:
    await hand.decide(order, "compensate", "lost")
    await hand.decide(order, "skip", "turned_up")


def _written_off(play: str) -> Callable[[Facts], bool]:
    """The parcel ended as lost, for this reason, and the customer has the money back."""
    return lambda facts: (
        facts.ended(LOST)
        and facts.has("parts", state="lost")
        and facts.has("exceptions", reason=play, resolution="compensate")
        and facts.is_paid_back
    )


def _claimed(play: str) -> Callable[[Facts], bool]:
    return lambda facts: _written_off(play)(facts) and facts.has("claims", cause=play)


def _reshipped(facts: Facts) -> bool:
    replaced = {part["fulfillment_id"] for part in facts.all("parts", state="lost")}
    new = facts.all("parts", state="delivered")
    return any(part["replaces"] in replaced for part in new if part["replaces"])


def _told(facts: Facts) -> bool:
    return facts.ended(DELIVERED) and facts.has("events", event="ParcelDelayed")


def _late_scan(facts: Facts) -> bool:
    return (
        _written_off("lost")(facts)
        and facts.has("events", event="LateScan")
        and facts.has("exceptions", reason="turned_up", state="resolved")
    )


def _given_up(play: str, street: str, happened: Callable[[Facts], bool]) -> Path:
    return Path(happened, _decide("compensate", play), end=LOST, street=street)


PATHS: Final[Mapping[str, Path]] = {
    "backorder_filled": Path(_filled, _wait_for_stock, own_goods=True, by_hand=True),
    "short_pick_rerouted": Path(_rerouted, _pick_short, least_units=2, by_hand=True),
    "reauthorized": Path(_reauthorized, _work_late, by_hand=True),
    "capture_refused": Path(_asked_and_retried("capture payment"), _refuse_capture, by_hand=True),
    "label_refused": Path(
        _asked_and_retried("create shipment", "buy label"), _refuse_label, by_hand=True
    ),
    "no_first_scan": _given_up("no_first_scan", "Never Scanned Street", _claimed("no_first_scan")),
    "delayed_notified": Path(_told, street="Slow Street"),
    "damaged": _given_up("damaged", "Damaged Street", _claimed("damaged")),
    "lost_reshipped": Path(
        _reshipped, _decide("reship", "lost"), street="Declared Lost Once Street"
    ),
    "lost_refunded": _given_up("lost", "Declared Lost Street", _claimed("lost")),
    "returned_to_sender": _given_up(
        "returned_to_sender", "Return To Sender Street", _written_off("returned_to_sender")
    ),
    "intercept": Path(_intercepted, _ask_back, end=LOST, street="Return To Sender Street"),
    "late_scan_after_refund": Path(_late_scan, _turn_up, end=LOST, street="Turns Up Street"),
}
