"""The returns counter of the tests' shop: every activity of a return, over its database."""

from dataclasses import dataclass
from typing import Any

from activities.returning.authorization import AuthorizationActivities, Decide
from activities.returning.exchange import ExchangeActivities, PlanExchange
from activities.returning.goods import Arrived, GiveUp, GoodsActivities, Inspected
from activities.returning.labels import ReturnLabel, ReturnLabelActivities
from activities.returning.refunding import RefundingActivities, RefundPart
from activities.returning.settling import Settle, SettlingActivities
from activities.returning.standing import Standing
from db.inbox.returns import NewItem, NewReturn, commit_return
from db.stores import orders
from tests.activities.shop import HOUR_S, Shop


@dataclass
class Counter:
    shop: Shop

    def __post_init__(self) -> None:
        engine = self.shop.engine
        self.authorization = AuthorizationActivities(engine)
        self.goods = GoodsActivities(engine)
        self.labels = ReturnLabelActivities(engine, self.shop.road)
        self.settling = SettlingActivities(engine)
        self.refunding = RefundingActivities(engine, self.shop.bank)
        self.exchange = ExchangeActivities(engine)

    async def delivered(self, *lines: tuple[str, int], **changes: Any) -> str:
        """An order that has arrived, and is closed."""
        plan = await self.shop.routed(*lines, **changes)
        for part in plan:
            await self.shop.shipped(part)
            await self.shop.advance(part.fulfillment_id, "delivered")
        order_id = plan[0].fulfillment_id.rpartition("-f")[0]
        await self.shop.close(order_id, "delivered")
        return order_id

    async def asked(self, order_id: str, units: int, **changes: Any) -> str:
        """Ask for so many units of the first line that left."""
        async with self.shop.engine.begin() as tx:
            await orders.head(tx, order_id, lock=True)
            lines = await self.shop.rows(
                "SELECT l.* FROM fulfillment_lines l JOIN fulfillments USING (fulfillment_id)"
                " WHERE order_id = :o AND handed_over_at IS NOT NULL ORDER BY number, line_no",
                o=order_id,
            )
            line = lines[0]
            items = (
                NewItem(line.fulfillment_id, line.line_no, line.sku, units, "unwanted", "opened"),
            )
            new = {
                "order_id": order_id, "source": "customer", "resolution": "refund",
                "method": "label", "advance": False, "location": "west", "state": "approved",
                "review_reason": None, "payment_reference": None, "within_s": HOUR_S,
                "items": items,
            } | changes  # fmt: skip
            return await commit_return(tx, NewReturn(**new), "test")

    async def came(self, rma: str, units: int, **more: Any) -> Standing:
        return await self.goods.receive_return(Arrived(rma, "test", ((1, units),), **more))

    async def found(self, rma: str, *units: tuple[int, str, int, bool]) -> Standing:
        told = tuple((*each, None) for each in units)
        return await self.goods.inspect_return(Inspected(rma, "test", told))

    async def settled(self, rma: str, units: int) -> tuple[RefundPart, ...]:
        """Bring it to the point where money is due."""
        await self.came(rma, units)
        await self.found(rma, (1, "restock", units, True))
        owed = await self.settling.settle_return(Settle(rma))
        return tuple(RefundPart(rma, number) for number in owed.refunds)

    async def ended(self, rma: str, units: int) -> Standing:
        for part in await self.settled(rma, units):
            await self.refunding.refund_return(part)
        return await self.settling.close_return(rma)

    async def cancelled(self, rma: str) -> Standing:
        return await self.authorization.cancel_return(Decide(rma))

    async def never_came(self, rma: str) -> Standing:
        return await self.goods.give_up_return(GiveUp(rma))

    async def labelled(self, rma: str) -> None:
        await self.labels.create_return_shipment(rma)
        await self.labels.buy_return_label(ReturnLabel(rma, HOUR_S))

    async def planned(self, rma: str) -> Any:
        return await self.exchange.plan_exchange(PlanExchange(rma, HOUR_S))

    async def row(self, rma: str) -> Any:
        return await self.shop.row("SELECT * FROM returns WHERE rma = :r", r=rma)
