"""How a random story is told: what is done twice, by two at once, or without an answer."""

import random
from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from typing import Any, Final

from activities.connectors.errors import OutcomeUnknown
from tests.activities.conservation.pages import Pages
from tests.activities.returning.counter import Counter
from tests.activities.shop import Shop, at_once

PLACES: Final = ("east", "west")
PRICES: Final = (1, 333, 1_000, 1_999)
# Of a hundred: acts that are told twice, and acts whose answer is lost.
REPEATED, LOST = 35, 10
Act = Callable[[], Awaitable[Any]]


class Telling(Pages):
    """`told` names what was done, for whoever must tell it again."""

    def __init__(self, shop: Shop, seed: int) -> None:
        super().__init__(shop)
        self.counter = Counter(shop)
        self.dice = random.Random(seed)
        self.told: list[str] = []
        self.received: Tally[tuple[str, str]] = Tally()
        self.is_ending = False

    def chance(self, percent: int) -> bool:
        return self.dice.randrange(100) < percent

    def hesitates(self, percent: int) -> bool:
        """What would end a story early is done less often, until it is to end."""
        return not self.is_ending and self.chance(percent)

    async def do(self, act: Act) -> None:
        """Once, twice, or by two at once; an answer that was lost is asked for again."""
        times = 2 if self.chance(REPEATED) else 1
        if times == 2 and self.chance(50):
            for answer in await at_once(2, lambda _: act()):
                if isinstance(answer, Exception) and not isinstance(answer, OutcomeUnknown):
                    raise answer
        for _ in range(times):
            try:
                await act()
            except OutcomeUnknown:
                await act()

    async def stop(self, part: Any) -> None:
        """A parcel that is cancelled is not sent: its label is given back."""
        await self.do(lambda: self.shop.fulfillment.cancel_fulfillment(part.fulfillment_id))
        now = await self.parts("state = 'cancelled'", part.order_id)
        if part.fulfillment_id in {each.fulfillment_id for each in now}:
            await self.do(lambda: self.shop.shipping.void_label(part.fulfillment_id))

    def lose_an_answer(self) -> None:
        if self.chance(LOST):
            self.shop.bank.faults.silent = 1
        if self.chance(LOST):
            self.shop.road.faults.silent = 1

    def hear_again(self) -> None:
        self.shop.bank.faults.silent = self.shop.road.faults.silent = 0
