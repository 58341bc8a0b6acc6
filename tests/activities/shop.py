"""A shop with two locations, whose orders are placed through the activities themselves."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.admission import AdmissionActivities, Admit
from activities.backorders import BackorderActivities, Fill, Filled
from activities.closing import Close, ClosingActivities
from activities.fulfillment import Advance, FulfillmentActivities, HandOver
from activities.payments import CaptureShare, PaymentActivities, Take, Taken
from activities.reserving import Reserve, Reserved
from activities.routing import Planned, Routed, RouteOrder, RoutingActivities
from activities.setting_up import book_stock, upsert_catalog
from activities.settlement import SettlementActivities
from activities.shipping import ShippingActivities
from activities.shortage import Shortage, ShortageActivities
from activities.stock import StockActivities
from db.engine import row, rows, run
from db.inbox.orders import commit_order
from db.queries.audit import RULES, unequal_closings, violations
from tests.activities.doubles import Bank, Road

HOUR_S = 3_600.0
PLACES = (("east", "New York", 40.7, -74.0), ("west", "San Jose", 37.3, -121.9))
SETUP = {
    "pools": ["main"],
    "locations": [
        {
            "location": name, "pool": "main", "name": name,
            "address": {
                "name": name, "line1": "Dock 1", "line2": None, "city": city, "region": "X",
                "postal_code": "10001", "country": "US", "latitude": lat, "longitude": lon,
            },
        }
        for name, city, lat, lon in PLACES
    ],
    "channels": [
        {"channel": "shop", "name": "Shop", "kind": "api", "pool": "main", "currencies": ["USD"]},
        {"channel": "thrifty", "name": "Thrifty", "kind": "api", "pool": "main",
         "currencies": ["USD"], "on_shortage": "cancel"},
        {"channel": "mall", "name": "Mall", "kind": "shopify", "pool": "main",
         "currencies": ["USD"]},
    ],
}  # fmt: skip


def card(amount_minor: int, reference: str = "pm_card") -> dict[str, Any]:
    return {"kind": "card", "amount_minor": amount_minor, "reference": reference}


def paid(kind: str, amount_minor: int, reference: str = "pm") -> dict[str, Any]:
    return {"kind": kind, "amount_minor": amount_minor, "reference": reference}


@dataclass
class Shop:
    """Activities over a real database; `bank` and `road` are the vendors."""

    engine: AsyncEngine
    bank: Bank = field(default_factory=Bank)
    road: Road = field(default_factory=Road)
    prefix: str = "n"

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.admission = AdmissionActivities(self.engine, self.road)
        self.holding = StockActivities(self.engine)
        self.money = PaymentActivities(self.engine, self.bank)
        self.settlement = SettlementActivities(self.engine, self.bank)
        self.routing = RoutingActivities(self.engine)
        self.shipping = ShippingActivities(self.engine, self.road)
        self.fulfillment = FulfillmentActivities(self.engine)
        self.shortage = ShortageActivities(self.engine)
        self.backorders = BackorderActivities(self.engine)
        self.closing = ClosingActivities(self.engine)

    # -- what is sold

    async def sku(self, **on_hand: int) -> str:
        """Make a product with stock at each named location."""
        sku = f"{self.prefix}-{next(self.numbers)}"
        product = {"sku": sku, "name": sku, "weight_g": 500, "length_mm": 200, "width_mm": 150,
                   "height_mm": 50}  # fmt: skip
        async with self.engine.begin() as tx:
            await upsert_catalog(tx, {"products": [product]})
            for location, units in on_hand.items():
                level = {"location": location, "sku": sku, "on_hand": units}
                await book_stock(tx, level, f"{sku}:{location}")
        return sku

    async def credit(self, balance_minor: int) -> str:
        code = f"gift-{self.prefix}-{next(self.numbers)}"
        gift = {"code": code, "currency": "USD", "balance_minor": balance_minor}
        async with self.engine.begin() as tx:
            await upsert_catalog(tx, {"store_credits": [gift]})
        return code

    # -- an order's way

    def document(self, *lines: tuple[str, int], **changes: Any) -> dict[str, Any]:
        """Each unit costs 10.00; a card pays unless tenders are given."""
        return {
            "channel": "shop",
            "external_id": f"{self.prefix}{next(self.numbers)}",
            "placed_at": "2026-01-02T10:00:00Z",
            "currency": "USD",
            "customer": {"name": "Ada Buyer", "email": "ada@example.com"},
            "ship_to": {
                "name": "Ada Buyer", "line1": "417 Montgomery St", "city": "San Francisco",
                "region": "CA", "postal_code": "94104", "country": "US", "latitude": 37.79,
                "longitude": -122.4,
            },
            "lines": [
                {"sku": sku, "quantity": units, "unit_price_minor": 1_000} for sku, units in lines
            ],
            "tenders": [card(1_000 * sum(units for _, units in lines))],
        } | changes  # fmt: skip

    async def commit(self, document: dict[str, Any]) -> Admit:
        channel, external_id = document["channel"], document["external_id"]
        async with self.engine.begin() as tx:
            kept = await commit_order(
                tx, document, channel=channel, external_id=external_id, deferred=False
            )
        return Admit(f"{channel}-{external_id}", kept.inbox_id, HOUR_S)

    async def admitted(self, *lines: tuple[str, int], **changes: Any) -> str:
        order = await self.commit(self.document(*lines, **changes))
        answer = await self.admission.admit(order)
        assert answer.problems == ()
        return order.order_id

    async def reserve(self, order_id: str, expires_s: float = HOUR_S) -> Reserved:
        return await self.holding.reserve(Reserve(order_id, expires_s, HOUR_S))

    async def take(self, order_id: str, tender_no: int = 1, **more: Any) -> Taken:
        return await self.money.take(Take(order_id, tender_no, slip_within_s=HOUR_S, **more))

    async def route(self, order_id: str) -> Routed:
        return await self.routing.route(RouteOrder(order_id, HOUR_S))

    async def routed(self, *lines: tuple[str, int], **changes: Any) -> tuple[Planned, ...]:
        """Admit, reserve, pay and route."""
        order_id = await self.admitted(*lines, **changes)
        assert await self.reserve(order_id) == Reserved()
        for number in range(1, len(changes.get("tenders", [None])) + 1):
            assert (await self.take(order_id, number)).state in ("held", "taken")
        return (await self.route(order_id)).plan

    async def advance(self, fulfillment_id: str, *states: str) -> None:
        for state in states:
            await self.fulfillment.advance(Advance(fulfillment_id, state, "test", "next", HOUR_S))

    async def labelled(self, fulfillment_id: str) -> None:
        await self.advance(fulfillment_id, "picked", "packed")
        await self.shipping.create_shipment(fulfillment_id)
        await self.shipping.buy_label(fulfillment_id)

    async def shipped(self, part: Planned) -> None:
        """Pick, pack, label, capture and hand over."""
        await self.labelled(part.fulfillment_id)
        to = HandOver(part.fulfillment_id, HOUR_S)
        assert await self.fulfillment.begin_hand_over(to)
        for tender_no in part.cards:
            await self.money.capture(share(part, tender_no))
        await self.fulfillment.hand_over(to)

    async def lacks(
        self, part: Planned, reason: str, *picked: tuple[int, int], actor: str = "test"
    ) -> Planned:
        """Report that a location picked only so much, or nothing: a rejection."""
        short = Shortage(part.fulfillment_id, reason, actor, HOUR_S, HOUR_S, HOUR_S, picked)
        return await self.shortage.report_shortage(short)

    async def arrived(self, sku: str, location: str, units: int) -> None:
        level = {"location": location, "sku": sku, "on_hand": units}
        async with self.engine.begin() as tx:
            await book_stock(tx, level, f"{sku}:{location}:{next(self.numbers)}")

    async def fill(self, sweep: str) -> tuple[Filled, ...]:
        """Give what came in to what waits; only this test's orders are answered."""
        filled = await self.backorders.fill_backorders(Fill(sweep, HOUR_S, HOUR_S))
        return tuple(part for part in filled if self.prefix in part.order_id)

    async def close(self, order_id: str, outcome: str) -> None:
        """Close as the order's story does: settle what is due until nothing is."""
        while dues := (await self.closing.close_order(Close(order_id, outcome))).dues:
            for due in dues:
                await self.settlement.give_back(due)

    # -- looking

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.engine.connect() as tx:
            return list(await rows(tx, statement, **values))

    async def row(self, statement: str, **values: Any) -> Any:
        async with self.engine.connect() as tx:
            return await row(tx, statement, **values)

    async def change(self, statement: str, **values: Any) -> int:
        async with self.engine.begin() as tx:
            return await run(tx, statement, **values)

    async def story(self, order_id: str) -> list[str]:
        found = await self.rows(
            "SELECT event FROM order_events WHERE order_id = :o ORDER BY sequence", o=order_id
        )
        return [event.event for event in found]

    async def money_events(self, order_id: str) -> list[tuple[str, int]]:
        found = await self.rows(
            "SELECT event, amount_minor FROM payment_events WHERE order_id = :o "
            "ORDER BY payment_event_id",
            o=order_id,
        )
        return [(event.event, event.amount_minor) for event in found]

    async def level(self, sku: str) -> tuple[int, int, int]:
        """The pool's units on hand, reserved and in open demand."""
        found = await self.row("SELECT * FROM pool_levels WHERE sku = :sku", sku=sku)
        return found.on_hand, found.reserved, found.open_demand

    async def assert_sound(self) -> None:
        """No rule of the audit is broken by what this test did."""
        async with self.engine.connect() as tx:
            found = {rule: await violations(tx, rule) for rule in RULES}
            found["closed orders keep what shipped"] = await unequal_closings(tx)
        broken = [
            f"{rule}: {subject}: {detail}"
            for rule, subjects in found.items()
            for subject, detail in subjects
            if self.prefix in subject
        ]
        assert broken == [], "; ".join(broken)


def order_of(part: Planned) -> str:
    return part.fulfillment_id.rpartition("-f")[0]


def share(part: Planned, tender_no: int = 1) -> CaptureShare:
    return CaptureShare(order_of(part), part.fulfillment_id, part.number, tender_no)


async def at_once(count: int, act: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """Let `count` callers meet at a barrier and then act; what they raise is an answer too."""
    barrier = asyncio.Barrier(count)

    async def caller(number: int) -> Any:
        await barrier.wait()
        return await act(number)

    return await asyncio.gather(*(caller(n) for n in range(count)), return_exceptions=True)
