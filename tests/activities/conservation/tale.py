"""One random story of a few orders: operations in any order, repeats and lost answers too."""

from typing import Any, Final

from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.fulfillment import HandOver
from activities.payments import CaptureShare
from activities.playbook import PlaybookActivities, WriteOff
from domain.shortage import REASONS
from tests.activities.conservation.changing import Changing
from tests.activities.conservation.telling import PLACES, PRICES, REPEATED
from tests.activities.shop import HOUR_S, Shop, card, paid

MOST_ORDERS: Final = 3
REFUSED = 8  # of a hundred captures


class Tale(Changing):
    """The world of one seed."""

    def __init__(self, shop: Shop, seed: int) -> None:
        super().__init__(shop, seed)
        self.playbook = PlaybookActivities(shop.engine)

    async def begin(self) -> None:
        for _ in range(2):
            stock = {place: self.dice.randint(0, 4) for place in PLACES}
            sku = await self.shop.sku(**stock)
            self.skus.append(sku)
            self.received.update({(sku, place): units for place, units in stock.items()})

    async def go_on(self, operations: int) -> None:
        """Do so many operations, each of which finds something to do where it can."""
        await self.place()
        verbs = [
            self.place, self.route, self.pick, self.pick_short, self.reject, self.pack, self.label,
            self.hand_over, self.hand_over, self.deliver, self.deliver, self.lose, self.cancel,
            self.change, self.change, self.let_go, self.arrive, self.close, self.ask_return,
            self.ask_return, self.receive, self.inspect, self.settle, self.end_return,
            self.call_return_off,
        ]  # fmt: skip
        for _ in range(operations):
            self.dice.shuffle(verbs)
            for verb in verbs:
                if await verb():
                    self.told.append(verb.__name__)
                    break

    # -- an order

    async def place(self) -> bool:
        if len(self.orders) >= MOST_ORDERS:
            return False
        document = self._document()
        order = await self.shop.commit(document)
        self.orders.append(order.order_id)
        await self.do(lambda: self.shop.admission.admit(order))
        if (await self.shop.reserve(order.order_id)).short:
            await self.shop.close(order.order_id, "refused_stock")
            return True
        for number in range(1, len(document["tenders"]) + 1):
            await self.do(lambda number=number: self.shop.take(order.order_id, number))  # type: ignore[misc]
        return True

    def _document(self) -> dict[str, Any]:
        chosen = self.dice.sample(self.skus, self.dice.randint(1, 2))
        lines = [
            {
                "sku": sku,
                "quantity": self.dice.randint(1, 3),
                "unit_price_minor": self.dice.choice(PRICES),
                "tax_minor": self.dice.choice((0, 7)),
            }
            for sku in chosen
        ]
        freight = self.dice.choice((0, 499))
        total = freight + sum(
            each["quantity"] * each["unit_price_minor"] + each["tax_minor"] for each in lines
        )
        first = self.dice.randint(1, total)
        tenders = self.dice.choice(
            ([card(total)], [paid("debit", total)], [card(first), paid("debit", total - first)])
        )
        return self.shop.document(
            channel=self.dice.choice(("shop", "shop", "thrifty")),
            lines=lines,
            charges=[{"kind": "shipping", "amount_minor": freight}] * bool(freight),
            tenders=[tender for tender in tenders if tender["amount_minor"]],
        )

    async def route(self) -> bool:
        order_id = self.one_of(await self.unrouted())
        if order_id is None:
            return False
        await self.do(lambda: self.shop.route(order_id))
        return True

    async def cancel(self) -> bool:
        order_id = self.one_of(await self.open_orders())
        if order_id is None or self.hesitates(60):
            return False
        await self.do(lambda: self.shop.fulfillment.request_cancellation(order_id))
        if order_id in await self.unrouted():
            await self.do(lambda: self.shop.holding.release_stock(order_id))
            await self.shop.close(order_id, "cancelled")
        for part in await self.parts("cancel_requested AND ended_at IS NULL", order_id):
            await self.stop(part)
        return True

    async def close(self) -> bool:
        order_id = self.one_of(await self.closable())
        if order_id is None:
            return False
        states = {part.state for part in await self.parts("rma IS NULL", order_id)}
        outcome = next(each for each in ("delivered", "lost", "cancelled") if each in states)
        await self.shop.close(order_id, outcome)
        return True

    # -- a parcel

    async def pick(self) -> bool:
        return await self._advance("open", "picked")

    async def pack(self) -> bool:
        return await self._advance("picked", "packed")

    async def deliver(self) -> bool:
        return await self._advance("handed_over", "delivered")

    async def _advance(self, state: str, to: str) -> bool:
        part = self.one_of(await self.parts(f"state = '{state}' AND NOT cancel_requested"))
        if part is None:
            return False
        await self.do(lambda: self.shop.advance(part.fulfillment_id, to))
        return True

    async def pick_short(self) -> bool:
        return await self._lack("state = 'open'", some=True)

    async def reject(self) -> bool:
        return self.chance(50) and await self._lack("state IN ('open', 'picked')", some=False)

    async def _lack(self, where: str, *, some: bool) -> bool:
        part = self.one_of(await self.parts(f"{where} AND rma IS NULL AND NOT cancel_requested"))
        if part is None:
            return False
        wanted: dict[int, int] = dict(part.lines)
        picked = {line: self.dice.randint(0, units) for line, units in wanted.items()}
        if not 0 < sum(picked.values()) < sum(wanted.values()):
            picked = {}
        if some != bool(picked):
            return False
        reason = self.dice.choice(sorted(REASONS))
        await self.do(lambda: self.shop.lacks(part, reason, *picked.items()))
        return True

    async def label(self) -> bool:
        part = self.one_of(
            await self.parts("state = 'packed' AND NOT cancel_requested AND NOT has_label")
        )
        if part is None:
            return False
        self.lose_an_answer()
        await self.do(lambda: self.shop.shipping.create_shipment(part.fulfillment_id))
        await self.do(lambda: self.shop.shipping.buy_label(part.fulfillment_id))
        self.hear_again()
        return True

    async def hand_over(self) -> bool:
        where = (
            "has_label AND (state = 'handing_over' OR state = 'packed' AND NOT cancel_requested)"
        )
        part = self.one_of(await self.parts(where))
        if part is None:
            return False
        to = HandOver(part.fulfillment_id, HOUR_S)
        await self.authorize(part)
        assert await self.shop.fulfillment.begin_hand_over(to)
        try:
            await self._capture(part)
        except Rejected:
            if self.chance(50):  # or a person has it tried anew, later
                await self.stop(part)
            return True
        await self.do(lambda: self.shop.fulfillment.hand_over(to))
        return True

    async def authorize(self, part: Any) -> None:
        """Each share of a card that has none gets an authorization of its own."""
        for share in await self.shares(part):
            if share.authorization_key is None:
                await self.do(
                    lambda share=share: self.shop.take(  # type: ignore[misc]
                        part.order_id, share.tender_no, fulfillment_number=part.number
                    )
                )

    async def _capture(self, part: Any) -> None:
        """Raises: Rejected, sometimes."""
        for share in await self.shares(part):
            if share.state == "held":
                if self.chance(REFUSED):
                    self.shop.bank.faults.before = [Rejected("bank", "no", "capture_declined")]
                self.lose_an_answer()
                wanted = CaptureShare(
                    part.order_id, part.fulfillment_id, part.number, share.tender_no
                )
                try:
                    await self._capture_once(wanted)
                finally:
                    self.hear_again()
                    self.shop.bank.faults.before = []

    async def _capture_once(self, wanted: CaptureShare) -> None:
        """The key of an attempt that was refused is used up: it is not repeated here."""
        try:
            await self.shop.money.capture(wanted)
        except OutcomeUnknown:
            await self.shop.money.capture(wanted)
        if self.chance(REPEATED):
            await self.shop.money.capture(wanted)

    async def lose(self) -> bool:
        part = self.one_of(await self.parts("state = 'handed_over'"))
        if part is None or self.hesitates(50):
            return False
        if part.rma is not None:
            await self.do(lambda: self.shop.advance(part.fulfillment_id, "lost"))
            return True
        lost = WriteOff(part.fulfillment_id, "lost", HOUR_S)
        if self.chance(50) and await self.playbook.reship(lost):
            await self.do(lambda: self.playbook.reship(lost))
        else:
            await self.do(lambda: self.playbook.write_off(lost))
        return True

    async def let_go(self) -> bool:
        """Nobody waits for what does not come."""
        part = self.one_of(await self.parts("state = 'backordered'"))
        if part is None or self.hesitates(50):
            return False
        await self.stop(part)
        return True

    async def arrive(self) -> bool:
        if self.chance(50):
            return False
        sku, place = self.dice.choice(self.skus), self.dice.choice(PLACES)
        units = self.dice.randint(1, 3)
        await self.shop.arrived(sku, place, units)
        self.received[sku, place] += units
        sweep = f"{self.shop.prefix}-{len(self.told)}"
        await self.do(lambda: self.shop.fill(sweep))
        return True

    # -- the end

    async def finish(self) -> None:
        """Bring everything to its end, as the runs of the orders would."""
        ways = (
            self.route, self.pick, self.pack, self.label, self.hand_over, self.deliver,
            self.let_go, self.receive, self.inspect, self.settle, self.end_return, self.close,
        )  # fmt: skip
        self.is_ending = True
        while any([await way() for way in ways]):
            pass
        assert not await self.is_open(), "something is left that nobody ends"
