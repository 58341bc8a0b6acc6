"""What is sent instead of returned goods: planned once, paid for, and settled when it fails."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.returning.settling import (
    Owed,
    decide_refund,
    name_replacements,
    owed,
    value,
)
from activities.returning.standing import locked, tell
from activities.routing import candidates
from db.engine import rows
from db.stores import exchanges, fulfillments, orders, returns
from db.stores.exchanges import Parcel
from domain.money import payable
from domain.returning.request import SENDS_GOODS
from domain.routing import Sourced, Unroutable, route

# Nothing can be sent in these cases, and what the goods are worth is given back instead.
UNPAID = "unpaid"
SHORT = "short"


@dataclass(frozen=True)
class PlanExchange:
    """`within_s`: until what is sent should have arrived."""

    rma: str
    pick_s: float
    within_s: float = 0.0


@dataclass(frozen=True)
class Exchange:
    """The parcel, or why there is none; `security` must be held before it leaves, if it is not."""

    problem: str | None = None
    fulfillment_id: str = ""
    number: int = 0
    location: str = ""
    state: str = ""
    lines: tuple[tuple[int, int], ...] = ()
    cards: tuple[int, ...] = ()
    unauthorized: tuple[int, ...] = ()
    security: int | None = None
    due_s: float | None = field(default=None, compare=False)


class ExchangeActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def plan_exchange(self, wanted: PlanExchange) -> Exchange:
        """Allocate what is sent instead; planned before, the same parcel is answered."""
        async with self._engine.begin() as tx:
            back = await locked(tx, wanted.rma)
            if back.resolution not in SENDS_GOODS:
                return Exchange(UNPAID)
            part = await exchanges.parcel_of(tx, wanted.rma)
            if part is None and back.state in ("approved", "settled"):
                problem = await _plan(tx, back, wanted.pick_s)
                if problem:
                    return Exchange(problem)
                step = "delivery of the exchange"
                await returns.next_step(tx, wanted.rma, step, wanted.within_s)
                part = await exchanges.parcel_of(tx, wanted.rma)
            if part is None:
                return Exchange(UNPAID)
            return await _planned(tx, await returns.get(tx, wanted.rma), part)

    @activity.defn
    async def end_exchange(self, rma: str) -> Owed:
        """A parcel that did not arrive pays for nothing: the goods' worth is refunded instead."""
        async with self._engine.begin() as tx:
            back = await locked(tx, rma)
            part = await exchanges.parcel_of(tx, rma)
            has_arrived = part is not None and part.state == "delivered"
            if back.state != "closed" and back.resolution != "refund" and not has_arrived:
                await returns.refund_instead(tx, rma)
                if back.state == "settled":
                    head = await orders.head(tx, back.order_id)
                    assert head is not None
                    # Sent ahead or not at all, it left over what was refunded when it was settled.
                    is_planned = back.advance or part is not None
                    paid = back.exchange_minor if is_planned else back.goods_minor
                    await decide_refund(tx, back, min(paid, back.goods_minor), head.currency)
            return await owed(tx, back)

    @activity.defn
    async def charge_security(self, rma: str) -> int | None:
        """Say what is to be captured, if something, for goods of an advance exchange that are not
        back; returns the tender. Told again, the same.
        """
        async with self._engine.begin() as tx:
            back = await locked(tx, rma)
            part = await exchanges.parcel_of(tx, rma)
            head = await orders.head(tx, back.order_id)
            assert head is not None
            missing = payable(back.exchange_minor - back.goods_minor, head.currency)
            if back.security_tender is None or part is None or part.state != "delivered":
                return None
            shares = await rows(
                tx,
                "SELECT 1 FROM fulfillment_shares WHERE fulfillment_id = :f AND tender_no = :t",
                f=part.fulfillment_id,
                t=back.security_tender,
            )
            if not shares and missing > 0:
                await exchanges.charge_security(tx, part, back.security_tender, missing)
            return int(back.security_tender) if shares or missing > 0 else None


async def _plan(tx: AsyncConnection, back: Any, pick_s: float) -> str | None:
    """Write the parcel; answer why not, when it cannot be sent."""
    is_advance = back.state == "approved"
    worth_minor = back.goods_minor
    if is_advance:
        _, worth = await value(tx, back, "requested")
        worth_minor = worth.goods_minor
        await name_replacements(tx, back, "requested")
    lines = await exchanges.lines(tx, back.rma)
    total_minor = sum(line.total_minor for line in lines)
    head = await orders.head(tx, back.order_id)
    assert head is not None
    paid_minor = min(worth_minor, total_minor)
    due_minor = payable(total_minor - paid_minor, head.currency)
    security_minor = payable(paid_minor, head.currency) if is_advance else 0
    if not lines or ((due_minor or security_minor) and not back.payment_reference):
        return UNPAID
    if not is_advance and not await _is_agreed(tx, back.rma, due_minor):
        return UNPAID
    # The same goods again are nothing new, even where they were retired.
    if back.resolution == "exchange" and not all(line.active for line in lines):
        return SHORT
    source = await _source(tx, head, lines)
    if source is None:
        return SHORT
    parcel = Parcel(
        location=source.location,
        lines={line.line_no: line.quantity for line in lines},
        skus={line.line_no: line.sku for line in lines},
        due_minor=due_minor,
        pick_s=source.within_s(pick_s),
    )
    await _send(tx, back, parcel, head.currency)
    await returns.write_worth(tx, back.rma, {"exchange_minor": paid_minor})
    if security_minor:  # goods that are worth nothing need none
        tender_no = await exchanges.add_tender(tx, back, security_minor, head.currency)
        await returns.write_worth(tx, back.rma, {"security_tender": tender_no})
    elif not is_advance and worth_minor > total_minor:
        await decide_refund(tx, back, worth_minor - total_minor, head.currency)
    return None


async def _is_agreed(tx: AsyncConnection, rma: str, due_minor: int) -> bool:
    """Whether it costs what it was to cost when it was asked for.

    What did not come or was rejected pays for nothing, and nobody agreed to be charged for it.
    """
    items = await returns.items(tx, rma)
    if due_minor and any(item.accepted < item.requested for item in items):
        return False
    return any(item.accepted for item in items)


async def _source(tx: AsyncConnection, head: Any, lines: list[Any]) -> Sourced | None:
    """One location that has everything, of the channel's pool; nobody's reservation is touched."""
    demand: Counter[str] = Counter()
    for line in lines:
        demand[line.sku] += line.quantity
    if await exchanges.lacking(tx, head.pool, demand):
        return None
    whole = [
        each
        for each in await candidates(tx, head, sorted(demand))
        if all(each.available.get(sku, 0) >= units for sku, units in demand.items())
    ]
    try:
        return route(demand, whole)[0]
    except Unroutable:
        return None


async def _send(tx: AsyncConnection, back: Any, parcel: Parcel, currency: str) -> None:
    fulfillment_id = await exchanges.send(tx, back, parcel)
    if parcel.due_minor:
        tender_no = await exchanges.add_tender(tx, back, parcel.due_minor, currency)
        await exchanges.add_share(tx, fulfillment_id, tender_no, parcel.due_minor)
    await tell(tx, back, "ExchangePlanned", amount_minor=parcel.due_minor, currency=currency)


async def _planned(tx: AsyncConnection, back: Any, part: Any) -> Exchange:
    shares = await rows(
        tx,
        """
        SELECT tender_no, authorization_key FROM fulfillment_shares
        WHERE fulfillment_id = :f AND tender_no IS DISTINCT FROM CAST(:security AS bigint)
        ORDER BY tender_no
        """,
        f=part.fulfillment_id,
        security=back.security_tender,
    )
    lines = await rows(
        tx,
        "SELECT line_no, quantity FROM fulfillment_lines WHERE fulfillment_id = :f ORDER BY 1",
        f=part.fulfillment_id,
    )
    is_open = part.state not in fulfillments.FINAL
    security = back.security_tender if is_open else None
    if security is not None and await exchanges.is_held(tx, back, security):
        security = None
    return Exchange(
        fulfillment_id=part.fulfillment_id,
        number=part.number,
        location=part.location,
        state=part.state,
        lines=tuple((line.line_no, line.quantity) for line in lines),
        cards=tuple(share.tender_no for share in shares),
        unauthorized=tuple(
            share.tender_no for share in shares if is_open and share.authorization_key is None
        ),
        security=security,
        due_s=part.due_s,
    )
