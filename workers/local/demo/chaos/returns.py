"""Paths of goods that come back, or should."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workers.local.demo.chaos.coming_back import ask, closed, come_back, every_unit, one_of_line
from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.chaos.path import Act, Path, all_of_it, one_unit
from workers.local.demo.plan import PlannedOrder

Json = dict[str, Any]
LENIENT: Final = "lenient"


def _send_back(*, accepted: bool = True, one: bool = False, **wish: object) -> Act:
    async def send(hand: Hand, order: PlannedOrder) -> None:
        lines = one_of_line(1) if one else every_unit(order)
        rma = await ask(hand, order, lines, **wish)
        await come_back(hand, rma, accepted=accepted)
        await closed(hand, rma)

    return send


def _only_ask(**wish: object) -> Act:
    async def send(hand: Hand, order: PlannedOrder) -> None:
        await closed(hand, await ask(hand, order, every_unit(order), **wish))

    return send


async def _with_strangers(hand: Hand, order: PlannedOrder) -> None:
    """Something else is in the parcel: whose it is, a person finds out."""
    rma = await ask(hand, order, every_unit(order))
    strangers = [{"sku": order.document["lines"][0]["sku"], "quantity": 1}]
    await come_back(hand, rma, strangers=strangers)
    await closed(hand, rma)

    async def set_aside() -> list[Json]:
        goods = hand.api.each("/unmatched-goods", state="open")
        return [each async for each in goods if each["rma"] == rma]

    for each in await hand.until("unmatched goods", set_aside):
        path = f"/unmatched-goods/{each['goods_id']}/resolve"
        await hand.say(path, {"resolution": "quarantine"})


def closed_as(outcome: str, **wanted: object) -> Callable[[Facts], bool]:
    return lambda facts: facts.has("returns", outcome=outcome, **wanted)


def _refunded(facts: Facts, **wanted: object) -> bool:
    return closed_as("refunded", **wanted)(facts) and facts.refunded_minor > 0


def _whole(facts: Facts) -> bool:
    return _refunded(facts, method="label") and facts.is_paid_back


def _partial(facts: Facts) -> bool:
    some = any(0 < each["accepted"] < each["shipped"] for each in facts.all("returns"))
    return _refunded(facts) and some and facts.refunded_minor < facts.captured_minor


def _rejected(facts: Facts) -> bool:
    units = [each["rejected"] for each in facts.all("returns", outcome="rejected")]
    return any(units) and facts.refunded_minor == 0


def _credited(facts: Facts) -> bool:
    return closed_as("credited", has_credit=True)(facts) and facts.refunded_minor == 0


def _kept(facts: Facts) -> bool:
    return _refunded(facts, method="keep", received=0)


def _never_came(facts: Facts) -> bool:
    return closed_as("never_arrived", received=0)(facts) and facts.refunded_minor == 0


def _mandated(facts: Facts) -> bool:
    return _refunded(facts, source="channel")


def _unmatched(facts: Facts) -> bool:
    return _refunded(facts) and facts.has("goods", state="resolved")


PATHS: Final[Mapping[str, Path]] = {
    "return_refunded": Path(_whole, _send_back(), back=all_of_it),
    "return_rejected": Path(_rejected, _send_back(accepted=False)),
    "return_partial": Path(_partial, _send_back(one=True), back=one_unit, least_units=2),
    "store_credit": Path(_credited, _send_back(resolution="store_credit")),
    "keep_it": Path(_kept, _only_ask(), back=all_of_it, policy=LENIENT),
    "return_never_arrived": Path(_never_came, _only_ask()),
    "channel_return": Path(_mandated, _send_back(source="channel"), back=all_of_it),
    "unmatched_return": Path(_unmatched, _with_strangers, back=all_of_it),
}
