"""Paths of goods that are exchanged or replaced."""

from collections.abc import Mapping
from typing import Any, Final

from workers.local.demo.chaos.coming_back import ask, closed, come_back, every_unit, one_of_line
from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.chaos.path import Act, Json, Path, one_unit
from workers.local.demo.chaos.returns import closed_as
from workers.local.demo.plan import PlannedOrder

CARD: Final = "pm_card_visa"
# What the better goods of an exchange cost more: enough for every card.
MORE_MINOR: Final = 1_000
# The lines of what was sent instead are numbered from here.
FIRST_INSTEAD: Final = 10_001


def _wish(order: PlannedOrder, more_minor: int = 0, **more: object) -> dict[str, Any]:
    """One unit of the first line, for one that costs as much or so much more."""
    price = one_unit(order.document) + more_minor
    sku = order.document["lines"][0]["sku"]
    instead = [{"sku": sku, "quantity": 1, "unit_price_minor": price}]
    return {"resolution": "exchange", "instead": instead, "payment_reference": CARD, **more}


def _exchange(more_minor: int = 0, **more: object) -> Act:
    async def exchange(hand: Hand, order: PlannedOrder) -> None:
        rma = await ask(hand, order, one_of_line(1), **_wish(order, more_minor, **more))
        await come_back(hand, rma)
        await closed(hand, rma)

    return exchange


async def _keep_both(hand: Hand, order: PlannedOrder) -> None:
    await closed(hand, await ask(hand, order, one_of_line(1), **_wish(order, advance=True)))


async def _exchange_again(hand: Hand, order: PlannedOrder) -> None:
    """What came instead is exchanged, too."""
    await _exchange()(hand, order)
    rma = await ask(hand, order, one_of_line(FIRST_INSTEAD), **_wish(order))
    await come_back(hand, rma)
    await closed(hand, rma)


async def _claim(hand: Hand, order: PlannedOrder) -> None:
    wish = {"resolution": "replacement", "method": "keep", "source": "staff"}
    await closed(hand, await ask(hand, order, every_unit(order, "defective"), **wish))


def _sent(facts: Facts) -> bool:
    """What was sent instead has arrived."""
    return any(part["rma"] for part in facts.all("parts", state="delivered"))


def _exchanged(facts: Facts, **wanted: object) -> bool:
    return closed_as("exchanged", **wanted)(facts) and _sent(facts)


def _even(facts: Facts) -> bool:
    return any(
        each["instead_minor"] == each["exchange_minor"] > 0
        for each in facts.all("returns", outcome="exchanged", advance=False)
    ) and _sent(facts)


def _up(facts: Facts) -> bool:
    charged = len(facts.all("money", event="captured")) > 1
    dearer = any(
        each["instead_minor"] > each["exchange_minor"] > 0
        for each in facts.all("returns", outcome="exchanged", advance=False)
    )
    return charged and dearer and _sent(facts)


def _again(facts: Facts) -> bool:
    sent = {part["rma"] for part in facts.all("parts", state="delivered") if part["rma"]}
    return len(facts.all("returns", outcome="exchanged")) > 1 and len(sent) > 1


def _advance(facts: Facts) -> bool:
    came = any(each["accepted"] for each in facts.all("returns", advance=True))
    return _exchanged(facts, advance=True) and came and facts.has("money", event="voided")


def _not_returned(facts: Facts) -> bool:
    captured = len(facts.all("money", event="captured")) > 1
    return _exchanged(facts, advance=True, received=0) and captured


def _replaced(facts: Facts) -> bool:
    return closed_as("replaced", method="keep", received=0)(facts) and _sent(facts)


def _charged_more(_: Json) -> int:
    return -MORE_MINOR


def _charged_all(document: Json) -> int:
    return -one_unit(document)


PATHS: Final[Mapping[str, Path]] = {
    "exchange_even": Path(_even, _exchange()),
    "exchange_up": Path(_up, _exchange(MORE_MINOR), back=_charged_more),
    "exchange_of_exchange": Path(_again, _exchange_again),
    "advance_exchange": Path(_advance, _exchange(advance=True)),
    "advance_not_returned": Path(_not_returned, _keep_both, back=_charged_all),
    "claim_replacement": Path(_replaced, _claim),
}
