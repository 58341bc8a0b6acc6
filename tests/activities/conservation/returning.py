"""What happens to goods that come back, and to what is sent instead."""

from collections.abc import Sequence
from typing import Any, Final

from activities.returning.refunding import RefundPart
from activities.returning.settling import Settle
from db.inbox.returns import NewItem, NewLine, NewReturn, commit_return
from db.stores import orders
from tests.activities.conservation.telling import PLACES, PRICES, Telling
from tests.activities.shop import HOUR_S

RESOLUTIONS: Final = ("refund", "refund", "store_credit", "exchange", "replacement")


class Returning(Telling):
    """Each operation finds a return that it can move on, or does nothing."""

    async def ask_return(self) -> bool:
        line = self.one_of(await self.returnable())
        if line is None:
            return False
        units = self.dice.randint(1, line.free)
        resolution = self.dice.choice(RESOLUTIONS)
        method = "keep" if resolution == "refund" and self.chance(20) else "label"
        async with self.shop.engine.begin() as tx:
            await orders.head(tx, line.order_id, lock=True)
            new = NewReturn(
                order_id=line.order_id, source="customer", resolution=resolution, method=method,
                advance=False, location=self.dice.choice(PLACES), state="approved",
                review_reason=None, payment_reference="pm_card", within_s=HOUR_S,
                items=(NewItem(line.fulfillment_id, line.line_no, line.sku, units,
                    self.dice.choice(("unwanted", "damaged")), "opened"),),
                instead=self._instead() if resolution == "exchange" else (),
            )  # fmt: skip
            self.rmas.append(await commit_return(tx, new, "test"))
        return True

    def _instead(self) -> Sequence[Any]:
        units = self.dice.randint(1, 2)
        sku = self.dice.choice(self.skus)
        return (NewLine(sku, units, units * self.dice.choice(PRICES)),)

    async def receive(self) -> bool:
        back = self.one_of(await self.returns("state = 'approved' AND method = 'label'"))
        if back is None:
            return False
        if self.chance(50):
            await self.do(lambda: self.counter.labelled(back.rma))
        units = self.dice.randint(1, back.requested + 1)
        await self.do(lambda: self.counter.came(back.rma, units))
        return True

    async def inspect(self) -> bool:
        back = self.one_of(await self.returns("state = 'received'"))
        if back is None:
            return False
        good = self.dice.randint(0, back.received)
        fate = self.dice.choice(("scrap", "quarantine", "restock"))
        found = [(1, "restock", good, True), (1, fate, back.received - good, False)]
        told = [each for each in found if each[2]]
        await self.do(lambda: self.counter.found(back.rma, *told))
        return True

    async def call_return_off(self) -> bool:
        back = self.one_of(await self.returns("state = 'approved' AND method = 'label'"))
        if back is None or self.hesitates(70):
            return False
        never = self.chance(50)
        await self.do(
            lambda: (self.counter.never_came if never else self.counter.cancelled)(back.rma)
        )
        return True

    async def settle(self) -> bool:
        due = "state = 'inspected' OR (state = 'approved' AND method = 'keep')"
        back = self.one_of(await self.returns(due))
        if back is None:
            return False
        await self.do(lambda: self.counter.settling.settle_return(Settle(back.rma)))
        if back.resolution in ("exchange", "replacement"):
            await self.do(lambda: self.counter.planned(back.rma))
        return True

    async def end_return(self) -> bool:
        """Once what is sent instead has ended: give back what is owed, and close."""
        ended = """state = 'settled' AND NOT EXISTS (SELECT FROM fulfillments f
            WHERE f.rma = r.rma AND f.ended_at IS NULL)"""
        back = self.one_of(await self.returns(ended))
        if back is None:
            return False
        await self.do(lambda: self.counter.exchange.end_exchange(back.rma))
        owed = await self.counter.settling.money_owed(back.rma)
        self.lose_an_answer()
        for number in owed.refunds:
            refund = RefundPart(back.rma, number)
            await self.do(lambda refund=refund: self.counter.refunding.refund_return(refund))  # type: ignore[misc]
        for due in owed.dues:
            await self.do(lambda due=due: self.shop.settlement.give_back(due))  # type: ignore[misc]
        self.hear_again()
        await self.do(lambda: self.counter.settling.close_return(back.rma))
        return True
