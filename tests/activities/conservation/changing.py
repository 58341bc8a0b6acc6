"""What customers want otherwise after they ordered: fewer units, more, or for less."""

from activities.changing import ApplyChange, ChangingActivities
from db.inbox.changes import confirm
from db.queries.change_facts import placed
from db.stores import orders
from domain.changing import Placed, Unchangeable, Wish, propose
from tests.activities.conservation.returning import Returning
from tests.activities.conservation.telling import PRICES
from tests.activities.shop import HOUR_S, Shop


class Changing(Returning):
    def __init__(self, shop: Shop, seed: int) -> None:
        super().__init__(shop, seed)
        self.changing = ChangingActivities(shop.engine)

    async def change(self) -> bool:
        """False when there is no order, or the change that was thought of cannot be made."""
        routed = set(await self.open_orders()) - set(await self.unrouted())
        order_id = self.one_of(sorted(routed))
        if order_id is None:
            return False
        async with self.shop.engine.begin() as tx:
            await orders.head(tx, order_id, lock=True)
            order = await placed(tx, order_id)
            wishes = [self._wish(order)]
            try:
                propose(order, wishes)
            except Unchangeable:
                return False
            number = await confirm(tx, order_id, wishes, "test")
        to = ApplyChange(order_id, number, HOUR_S)
        await self.do(lambda: self.changing.apply_change(to))
        for part in await self.parts("cancel_requested AND ended_at IS NULL", order_id):
            await self.stop(part)
        return True

    def _wish(self, order: Placed) -> Wish:
        line = self.dice.choice(order.lines)
        if self.chance(40):
            amount_minor = self.dice.randint(1, max(1, line.total_minor))
            return Wish("lower_price", line.line_no, amount_minor=amount_minor)
        if self.chance(30):
            sku, price = self.dice.choice(self.skus), self.dice.choice(PRICES)
            return Wish("add_line", 0, self.dice.randint(1, 2), sku, price)
        return Wish("set_quantity", line.line_no, self.dice.randint(0, line.quantity + 1))
