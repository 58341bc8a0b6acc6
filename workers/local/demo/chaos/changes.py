"""Paths of orders that their customers change or call off after placing them."""

from collections.abc import Callable, Mapping
from typing import Final

import httpx

from domain.order import Line
from domain.shortage import divide
from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.chaos.path import Act, Json, Path, all_of_it
from workers.local.demo.plan import CANCELLED, DELIVERED, PlannedOrder

# -- units and lines


def _change(wish: Callable[[Json], Json]) -> Act:
    async def change(hand: Hand, order: PlannedOrder) -> None:
        """Ask while nothing is picked, again as long as the order moves on meanwhile."""
        await hand.parts(order, "open")
        path = f"/orders/{order.order_id}/changes"

        async def asked() -> bool:
            version = (await hand.order(order))["version"]
            body = {"version": version, "changes": [wish(order.document)]}
            return httpx.codes.is_success((await hand.api.send("POST", path, body)).status)

        async def made() -> bool:
            items = (await hand.api.send("GET", path)).body["items"]
            return any(each["state"] == "applied" for each in items)

        await hand.until("a change to be taken", asked)
        await hand.until("a change to be made", made)
        hand.let_go(order)

    return change


def _largest(document: Json) -> tuple[int, Json]:
    """The line of most units, with its number."""
    return max(enumerate(document["lines"], start=1), key=lambda line: line[1]["quantity"])


def _one_less(document: Json) -> Json:
    number, line = _largest(document)
    return {"kind": "set_quantity", "line_no": number, "quantity": line["quantity"] - 1}


def _no_first_line(_: Json) -> Json:
    return {"kind": "cancel_line", "line_no": 1}


def _one_more(document: Json) -> Json:
    line = document["lines"][0]
    price = line["unit_price_minor"]
    return {"kind": "add_line", "sku": line["sku"], "quantity": 1, "unit_price_minor": price}


def _a_tenth(document: Json) -> int:
    """A tenth of the first line's price."""
    line = document["lines"][0]
    return max(1, int(line["quantity"] * line["unit_price_minor"]) // 10)


def _cheaper(document: Json) -> Json:
    return {"kind": "lower_price", "line_no": 1, "amount_minor": _a_tenth(document)}


def _cut(document: Json, units: Mapping[int, int]) -> int:
    """What so many units of its lines are worth of the whole order, freight included."""
    fields = ("sku", "quantity", "unit_price_minor", "tax_minor", "discount_minor")
    lines = [
        Line(number, **{name: line[name] for name in fields if name in line})
        for number, line in enumerate(document["lines"], start=1)
    ]
    kept = {line.line_no: line.quantity - units.get(line.line_no, 0) for line in lines}
    return divide(lines, [kept, units], all_of_it(document))[1]


def _worth_of_less(document: Json) -> int:
    return _cut(document, {_largest(document)[0]: 1})


def _worth_of_first_line(document: Json) -> int:
    return _cut(document, {1: document["lines"][0]["quantity"]})


def _worth_of_more(document: Json) -> int:
    return -int(document["lines"][0]["unit_price_minor"])


def _applied(facts: Facts) -> bool:
    return facts.ended(DELIVERED) and facts.has("changes", state="applied")


def _increased(facts: Facts) -> bool:
    charged = any(change["charge_minor"] > 0 for change in facts.all("changes", state="applied"))
    return _applied(facts) and charged and len(facts.all("money", event="captured")) > 1


def _decreased(facts: Facts) -> bool:
    return _applied(facts) and any(
        0 < line["cancelled"] < line["quantity"] for line in facts.all("lines")
    )


def _made_cheaper(facts: Facts) -> bool:
    lowered = any(change["refund_minor"] > 0 for change in facts.all("changes", state="applied"))
    return _applied(facts) and lowered and not any(line["cancelled"] for line in facts.all("lines"))


def _without_a_line(facts: Facts) -> bool:
    return _applied(facts) and any(
        line["cancelled"] == line["quantity"] for line in facts.all("lines")
    )


# -- the label

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
    "edit_increase": Path(_increased, _change(_one_more), back=_worth_of_more, by_hand=True),
    "edit_decrease": Path(
        _decreased, _change(_one_less), back=_worth_of_less, by_hand=True, least_of_line=2
    ),
    "price_lowered": Path(_made_cheaper, _change(_cheaper), back=_a_tenth, by_hand=True),
    "cancel_line": Path(
        _without_a_line,
        _change(_no_first_line),
        back=_worth_of_first_line,
        by_hand=True,
        least_lines=2,
        own_goods=True,
    ),
    "cancel_after_label": Path(
        _label_voided,
        _cancel_labelled,
        end=CANCELLED,
        by_hand=True,
        # The carrier is quick here: one that collects the parcel keeps its postage.
        street="Never Scanned Street",
    ),
}
