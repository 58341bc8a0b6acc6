"""Admission: the document becomes an order, or is refused with everything that is wrong with it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.errors import Rejected
from activities.holds import release_address_holds
from activities.mail import post_mail
from activities.screening import Terms, screen
from db.engine import row, rows
from db.inbox.ending import end
from db.stores import addresses, collecting, fraud, fulfillments, orders
from domain.address import Address
from domain.order import InvalidDocument, OrderDocument, Tender, read_document
from domain.timings import DAY

NO_STORE: Final = "pickup_location: orders of this channel cannot be collected there"


@dataclass(frozen=True)
class Admit:
    order_id: str
    inbox_id: int
    within_s: float
    grace_s: float = 0.0
    review_s: float = 2 * DAY


@dataclass(frozen=True)
class TenderFact:
    tender_no: int
    kind: str


@dataclass(frozen=True)
class Admitted:
    """`problems` refuse the document; `outcome` is set when the order was closed before."""

    problems: tuple[str, ...] = ()
    outcome: str | None = None
    address_verified: bool = False
    tenders: tuple[TenderFact, ...] = ()
    asks_scorer: bool = False  # an external one has not given its opinion yet


@dataclass(frozen=True)
class Verified:
    """`may_wait`: the channel would rather have the address corrected than the order refused.

    `is_late`: a label with the address before was begun meanwhile.
    """

    deliverable: bool
    reason: str | None = None
    may_wait: bool = False
    is_late: bool = False


class AdmissionActivities:
    """Our database, and the carrier vendor's address verification."""

    def __init__(
        self, engine: AsyncEngine, carrier: CarrierGateway, *, has_scorer: bool = False
    ) -> None:
        self._engine = engine
        self._has_scorer = has_scorer
        self._carrier = carrier

    @activity.defn
    async def admit(self, order: Admit) -> Admitted:
        async with self._engine.begin() as tx:
            found = await orders.head(tx, order.order_id)
            if found is None:
                problems, tenders = await self._insert(tx, order)
                if problems:
                    return Admitted(problems=problems)
            else:
                tenders = await orders.tenders(tx, order.order_id)
            return Admitted(
                outcome=found.outcome if found else None,
                address_verified=bool(found and found.address_verified),
                tenders=tuple(TenderFact(t.tender_no, t.kind) for t in tenders),
                asks_scorer=self._has_scorer and await _is_unheard(tx, order.order_id),
            )

    async def _insert(
        self, tx: AsyncConnection, order: Admit
    ) -> tuple[tuple[str, ...], tuple[Tender, ...]]:
        """Return what is wrong with the document, or what pays for the order."""
        inbox = await row(
            tx, "SELECT document FROM inbox WHERE inbox_id = :inbox_id", inbox_id=order.inbox_id
        )
        assert inbox is not None, "an order is started from its inbox row"
        try:
            document = read_document(inbox.document)
        except InvalidDocument as invalid:
            return await _refuse(tx, order.inbox_id, invalid.problems), ()
        channel = await row(
            tx,
            "SELECT currencies, fraud_policy, pool FROM channels WHERE channel = :channel",
            channel=document.channel,
        )
        goods = await _goods(tx, document)
        problems = _unknown(document, channel, goods)
        if not problems and document.pickup_location:
            problems = await _no_store(tx, document.pickup_location, channel)
        if problems:
            return await _refuse(tx, order.inbox_id, problems), ()
        assert channel is not None, "that it is unknown would be a problem"
        if await orders.insert_order(tx, document, "verify address", order.within_s):
            await orders.tell(tx, order.order_id, "OrderPlaced", data={"channel": document.channel})
            terms = Terms(_latest(goods), channel.fraud_policy, order.grace_s, order.review_s)
            await screen(tx, document, terms)
        await end(tx, [order.inbox_id], "handled")
        return (), document.tenders

    @activity.defn
    async def verify_address(self, order_id: str) -> Verified:
        """One call to the carrier vendor; the normalised address replaces the given one."""
        async with self._engine.begin() as tx:
            order = await addresses.to_verify(tx, order_id)
        if order.address_verified and order.correction_id is None:
            return Verified(deliverable=True)
        given = Address(**(order.address or order.ship_to))
        try:
            verified = await self._carrier.verify_address(given)
        except Rejected as refusal:
            if refusal.code != "address_undeliverable":
                raise
            return Verified(
                deliverable=False,
                reason="the address cannot be delivered to",
                may_wait=order.undeliverable == "hold",
            )
        known = replace(
            verified,
            # The channel's coordinates are the buyer's own; the vendor's fill in for none.
            latitude=verified.latitude if given.latitude is None else given.latitude,
            longitude=verified.longitude if given.longitude is None else given.longitude,
        )
        async with self._engine.begin() as tx:
            is_late = not await _apply(tx, order_id, known, order.correction_id or 0)
        return Verified(deliverable=True, is_late=is_late)


async def _is_unheard(tx: AsyncConnection, order_id: str) -> bool:
    assessed = await fraud.get(tx, order_id)
    return assessed is not None and assessed.scorer is None


async def _apply(tx: AsyncConnection, order_id: str, address: Address, correction: int) -> bool:
    """Unless the order has ended meanwhile: its customer may be forgotten by now.

    False when a parcel has its label already: it goes where that says.
    """
    head = await orders.head(tx, order_id, lock=True)
    if head is None or head.outcome is not None:
        return True
    if correction:
        await addresses.applied(tx, order_id, correction)
        if not await _may_go_there(tx, head):
            return False
    await orders.set_address(tx, order_id, address)
    await release_address_holds(tx, order_id)
    if head.address_verified and correction:
        await orders.tell(tx, order_id, "AddressChanged")
        await post_mail(tx, head, "address_changed", part=f"a{correction}")
    return True


async def _may_go_there(tx: AsyncConnection, head: Any) -> bool:
    """What was to be collected is sent from now on, unless it lies in its store already."""
    if head.pickup_location is None:
        return not await addresses.is_on_a_label(tx, head.order_id)
    if await fulfillments.of_order(tx, head.order_id):
        return False
    await orders.set_pickup(tx, head.order_id, None)
    await orders.tell(tx, head.order_id, "DeliveryChanged")
    return True


async def _refuse(tx: AsyncConnection, inbox_id: int, problems: tuple[str, ...]) -> tuple[str, ...]:
    await end(tx, [inbox_id], "rejected", "; ".join(problems))
    return problems


async def _goods(tx: AsyncConnection, document: OrderDocument) -> dict[str, datetime | None]:
    """The document's SKUs that are known, each with the date from which it can be shipped."""
    found = await rows(
        tx,
        "SELECT sku, available_from FROM products WHERE sku = ANY(CAST(:skus AS text[]))",
        skus=list(document.demand()),
    )
    return {product.sku: product.available_from for product in found}


async def _no_store(tx: AsyncConnection, location: str, channel: Any) -> tuple[str, ...]:
    return () if await collecting.is_store(tx, location, channel.pool) else (NO_STORE,)


def _latest(goods: Mapping[str, datetime | None]) -> datetime | None:
    return max((at for at in goods.values() if at is not None), default=None)


def _unknown(document: OrderDocument, channel: Any, goods: Collection[str]) -> tuple[str, ...]:
    """Say what the document names that we do not have."""
    if channel is None:
        return (f"channel: {document.channel!r} is unknown",)
    problems = []
    if document.currency not in channel.currencies:
        problems.append(f"currency: {document.currency} is not sold in {document.channel}")
    # By their places: as a SKU, a document may hold anything.
    problems += [
        f"lines[{line.line_no}].sku: it is unknown"
        for line in document.lines
        if line.sku not in goods
    ]
    return tuple(problems)
