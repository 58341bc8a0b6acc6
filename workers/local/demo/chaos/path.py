"""What a path of an order is: how it is prepared, what people do about it, how its end is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from domain.apportion import portion
from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import Hand
from workers.local.demo.plan import DELIVERED, PlannedOrder

Json = dict[str, Any]
Act = Callable[[Hand, PlannedOrder], Awaitable[None]]


async def nothing(hand: Hand, order: PlannedOrder) -> None:
    """Nobody needs to do anything."""


def no_money(_: Json) -> int:
    """Nothing of it goes back."""
    return 0


def all_of_it(document: Json) -> int:
    """Every minor unit that was paid."""
    return sum(int(tender["amount_minor"]) for tender in document["tenders"])


def one_unit(document: Json) -> int:
    """What one unit of the first line is worth."""
    line = document["lines"][0]
    worth = line["quantity"] * line["unit_price_minor"]
    worth += line.get("tax_minor", 0) - line.get("discount_minor", 0)
    return portion(worth, line["quantity"], 0, 1)


@dataclass(frozen=True)
class Path:
    """`happened` says it of the facts after the end, and of nothing else.

    `policy` names the channel whose rules it needs; `street` is what makes the sandbox's carrier
    act; with `own_goods` its units are a product of their own, all of them in one place. The
    automatic warehouse leaves alone what is `by_hand` until its act lets it go.
    """

    happened: Callable[[Facts], bool]
    act: Act = nothing
    end: str = DELIVERED
    back: Callable[[Json], int] = no_money
    street: str = ""
    mailbox: str = ""
    policy: str = ""
    least_units: int = 1  # of the whole order
    least_of_line: int = 1  # of one line
    least_lines: int = 1
    own_goods: bool = False
    is_preorder: bool = False
    by_hand: bool = False
    in_store: bool = False  # collected where its goods are
