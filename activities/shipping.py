"""Shipping: a label is created, saved, then bought; tracked; voided when the parcel stays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.carrier.port import (
    CarrierGateway,
    CreateShipment,
    Label,
    Parcel,
    cheapest,
)
from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.mail import post_mail
from db.engine import row
from db.stores import labels, orders, parts, tracking
from domain.address import Address
from domain.parcel import Measures, one_box
from domain.tracking import TrackingEvent, TrackingStatus, fold

# The parcel must arrive inside the promise; the road may take this many days of it.
ROAD_DAYS = 5
UNBOUGHT = frozenset({"begun", "created"})
# Longer than any call to a vendor lasts: one given up for lost may still arrive.
PURCHASE_OVER_S = 60.0


@dataclass(frozen=True)
class Shipped:
    fulfillment_id: str
    carrier: str


class ShippingActivities:
    def __init__(self, engine: AsyncEngine, carrier: CarrierGateway) -> None:
        self._engine = engine
        self._carrier = carrier

    @activity.defn
    async def create_shipment(self, fulfillment_id: str) -> None:
        """Ask for rates and save the vendor's id: nothing is bought, so a repeat costs nothing."""
        async with self._engine.begin() as tx:
            await parts.locked(tx, fulfillment_id)  # two attempts at once make one label
            facts = await _shipment_facts(tx, fulfillment_id)
            part = f"{facts.order_id}:f{facts.number}"
            label = await labels.begin(tx, fulfillment_id, part, self._carrier.vendor)
        if label.state != "begun":
            return
        box = one_box([(Measures(*item[:4]), item[4]) for item in facts.goods])
        created = await self._carrier.create_shipment(
            CreateShipment(
                reference=label.label_key,
                ship_from=Address(**facts.ship_from),
                ship_to=Address(**facts.ship_to),
                parcel=Parcel(box.weight_g, box.length_mm, box.width_mm, box.height_mm),
            )
        )
        if not created.rates:
            raise Rejected(self._carrier.vendor, "nobody carries this parcel", "no_rates")
        chosen = cheapest(created.rates, ROAD_DAYS)
        async with self._engine.begin() as tx:
            await labels.created(tx, label.label_key, created.vendor_shipment_id, chosen.rate_id)

    @activity.defn
    async def buy_label(self, fulfillment_id: str) -> Shipped:
        """Buy the label of the saved shipment; after an unknown outcome, look before buying."""
        async with self._engine.begin() as tx:
            label = await labels.current(tx, fulfillment_id)
            assert label is not None
            await labels.buying(tx, label.label_key)
        if label.state == "bought":
            return Shipped(fulfillment_id, label.carrier)
        bought = await buy_once(self._carrier, label)
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, fulfillment_id)
            if await labels.bought(tx, label.label_key, bought):
                await orders.tell(
                    tx,
                    part.order_id,
                    "LabelBought",
                    fulfillment_id=fulfillment_id,
                    data={"carrier": bought.carrier, "tracking_number": bought.tracking_number},
                )
        return Shipped(fulfillment_id, bought.carrier)

    @activity.defn
    async def void_label(self, fulfillment_id: str) -> None:
        """Give back the label of a parcel that will not leave; none is no error.

        Raises: OutcomeUnknown, while somebody may still be buying it.
        """
        async with self._engine.begin() as tx:
            label = await labels.current(tx, fulfillment_id)
            if label is None:
                return
            if label.state in UNBOUGHT:
                # Under the row's lock: whoever comes to buy it finds it voided.
                await labels.voided(tx, label.label_key)
                return
        found = await find_bought(self._carrier, label)
        must_go_back = label.state == "bought" or found is not None
        if must_go_back:
            await self._carrier.void_label(label.vendor_shipment_id)
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, fulfillment_id)
            if await labels.voided(tx, label.label_key, found) and must_go_back:
                await orders.tell(tx, part.order_id, "LabelVoided", fulfillment_id=fulfillment_id)

    @activity.defn
    async def poll_tracking(self, fulfillment_id: str) -> str:
        """Ask the carrier, when no webhook came; return the folded status."""
        async with self._engine.connect() as tx:
            label = await row(
                tx,
                """
                SELECT tracker_id FROM labels
                WHERE fulfillment_id = :fulfillment_id AND state = 'bought'
                """,
                fulfillment_id=fulfillment_id,
            )
        assert label is not None
        said = await self._carrier.track(label.tracker_id)
        async with self._engine.begin() as tx:
            part = await tracking.tracked(tx, label.tracker_id)
            return await record_tracking(tx, part, said.events)


async def buy_once(carrier: CarrierGateway, label: Any) -> Label:
    """Buy a label; one that may be bought already is looked for first."""
    if label.state == "buying":
        found = await carrier.find_label(label.vendor_shipment_id)
        if found is not None:
            return found
    return await carrier.buy_label(label.vendor_shipment_id, label.rate_id)


async def find_bought(carrier: CarrierGateway, label: Any) -> Label | None:
    """Ask the vendor for a label whose purchase nobody recorded; None when it was not bought.

    A "no" counts only when no purchase can be on its way any more.
    Raises: OutcomeUnknown, until then.
    """
    if label.state == "bought":
        return None
    found = await carrier.find_label(label.vendor_shipment_id)
    if found is None and label.buying_s < PURCHASE_OVER_S:
        raise OutcomeUnknown(carrier.vendor, "the label may still be being bought")
    return found


def standing(part: Any, events: Iterable[TrackingEvent]) -> TrackingStatus:
    """Where the parcel stands after these scans, folded by the carrier's own time."""
    return fold(TrackingStatus(part.tracking_status or "pending"), events)


async def record_tracking(
    tx: AsyncConnection, part: Any, events: Sequence[TrackingEvent], ended: Sequence[int] = ()
) -> str:
    """Keep every scan once and what follows from it; return where the parcel (`tracked`) stands.

    `ended`: rows of the inbox that say no more than this.
    """
    status = standing(part, events)
    is_news = status != part.tracking_status
    await tracking.keep(tx, part.fulfillment_id, events, str(status), ended)
    if status is TrackingStatus.OUT_FOR_DELIVERY and is_news:
        facts = {"carrier": part.carrier or "", "tracking": part.tracking_number or ""}
        await post_mail(tx, part, "out_for_delivery", facts, part=f"f{part.number}")
    if status is TrackingStatus.DELIVERED and is_news and part.state == "lost":
        # Replaced or refunded before: no money moves a second time, a person is told.
        await orders.tell(
            tx,
            part.order_id,
            "LateScan",
            actor="carrier",
            fulfillment_id=part.fulfillment_id,
            data={"status": str(status)},
        )
    return str(status)


async def _shipment_facts(tx: AsyncConnection, fulfillment_id: str) -> Any:
    found = await row(
        tx,
        """
        SELECT f.order_id, f.number, l.address AS ship_from, o.ship_to,
            (SELECT array_agg(ARRAY[weight_g, length_mm, width_mm, height_mm, quantity])
                FROM fulfillment_lines i JOIN products USING (sku)
                WHERE i.fulfillment_id = f.fulfillment_id) AS goods
        FROM fulfillments f JOIN locations l USING (location) JOIN orders o USING (order_id)
        WHERE f.fulfillment_id = :fulfillment_id
        """,
        fulfillment_id=fulfillment_id,
    )
    assert found is not None
    return found
