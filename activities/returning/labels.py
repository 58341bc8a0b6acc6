"""Labels of parcels that come back: created, saved, then bought, as those of parcels that leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.carrier.port import (
    CarrierGateway,
    CreateShipment,
    Label,
    Parcel,
    cheapest,
)
from activities.connectors.errors import Rejected
from activities.returning.standing import locked, mail, tell
from activities.shipping import UNBOUGHT, buy_once, find_bought
from db.engine import row, rows
from db.stores import labels, returns
from domain.address import Address
from domain.parcel import Measures, one_box
from domain.playbook import UNSEEN
from domain.tracking import TrackingEvent, TrackingStatus, fold

# What a carrier says of a parcel that it never saw.
UNUSED: Final = UNSEEN | {TrackingStatus.CANCELLED}


@dataclass(frozen=True)
class ReturnLabel:
    """`within_s`: until the parcel should be back."""

    rma: str
    within_s: float = 0.0


class ReturnLabelActivities:
    def __init__(self, engine: AsyncEngine, carrier: CarrierGateway) -> None:
        self._engine = engine
        self._carrier = carrier

    @activity.defn
    async def create_return_shipment(self, rma: str) -> None:
        """Ask for rates from the customer's door to our location; nothing is bought yet."""
        async with self._engine.begin() as tx:
            back = await locked(tx, rma)
            if back.state != "approved":
                return
            part = f"{back.order_id}:r{back.number}"
            label = await labels.begin_return(tx, rma, part, self._carrier.vendor)
            places = await _places(tx, rma)
            items = await _items(tx, rma)
        if label.state != "begun":
            return
        box = one_box(items)
        created = await self._carrier.create_shipment(
            CreateShipment(
                reference=label.label_key,
                ship_from=Address(**places.ship_to),
                ship_to=Address(**places.address),
                parcel=Parcel(box.weight_g, box.length_mm, box.width_mm, box.height_mm),
                is_return=True,
            )
        )
        if not created.rates:
            raise Rejected(self._carrier.vendor, "nobody carries this parcel", "no_rates")
        chosen = cheapest(created.rates)
        async with self._engine.begin() as tx:
            await labels.created(tx, label.label_key, created.vendor_shipment_id, chosen.rate_id)

    @activity.defn
    async def buy_return_label(self, wanted: ReturnLabel) -> None:
        """Buy it, and send it to the customer; after an unknown outcome, look before buying.

        When the goods came meanwhile, what an attempt before this one bought is given back: the
        run may not have heard of the goods yet.
        Raises: OutcomeUnknown, while somebody may still be buying it.
        """
        async with self._engine.begin() as tx:
            back = await locked(tx, wanted.rma)
            is_wanted = back.state == "approved"
            label = await labels.current_return(tx, wanted.rma)
            if label is None or label.state == "bought":
                return
            if is_wanted:
                await labels.buying(tx, label.label_key)
        if not is_wanted:
            await self.void_return_label(wanted.rma)
            return
        bought = await buy_once(self._carrier, label)
        async with self._engine.begin() as tx:
            back = await locked(tx, wanted.rma)
            if await _write_bought(tx, back, label.label_key, bought):
                await returns.next_step(tx, wanted.rma, "arrival", wanted.within_s)
                await mail(tx, back, "return_approved", label=bought.label_url)

    @activity.defn
    async def void_return_label(self, rma: str) -> None:
        """Give back a label that nobody uses; none is no error.

        That is the label of a return that was called off, and one whose purchase nobody heard of
        before the goods came: the customer never had it. One that the carrier has scanned is used,
        and no carrier takes it back.
        Raises: OutcomeUnknown, while somebody may still be buying it.
        """
        async with self._engine.begin() as tx:
            back = await locked(tx, rma)
            label = await labels.current_return(tx, rma)
            if label is None or (label.state == "bought" and back.outcome != "cancelled"):
                return
            if label.state in UNBOUGHT:
                await labels.voided(tx, label.label_key)
                return
        found = await find_bought(self._carrier, label)
        if found is not None and await self._is_used(found):
            async with self._engine.begin() as tx:
                await _write_bought(tx, await locked(tx, rma), label.label_key, found)
            return
        if label.state == "bought" or found is not None:
            await self._carrier.void_label(label.vendor_shipment_id)
        async with self._engine.begin() as tx:
            await locked(tx, rma)
            await labels.voided(tx, label.label_key, found)

    async def _is_used(self, label: Label) -> bool:
        said = await self._carrier.track(label.tracker_id)
        return not label.voided and said.status not in UNUSED

    @activity.defn
    async def give_drop_off_code(self, wanted: ReturnLabel) -> None:
        """Tell the customer the code under which a drop-off point takes the goods."""
        async with self._engine.begin() as tx:
            back = await locked(tx, wanted.rma)
            if back.state == "approved" and back.drop_off_code is None:
                code = back.rma.upper()
                await returns.write_code(tx, back.rma, code)
                await returns.next_step(tx, back.rma, "arrival", wanted.within_s)
                await mail(tx, back, "return_approved", code=code)

    @activity.defn
    async def poll_return(self, rma: str) -> str | None:
        """Ask the carrier where the parcel is; None while there is no label to ask about."""
        async with self._engine.connect() as tx:
            label = await row(
                tx, "SELECT tracker_id FROM labels WHERE rma = :rma AND state = 'bought'", rma=rma
            )
        if label is None:
            return None
        tracking = await self._carrier.track(label.tracker_id)
        async with self._engine.begin() as tx:
            return await record_return_tracking(tx, rma, tracking.events)


async def _write_bought(tx: AsyncConnection, back: Any, label_key: str, label: Label) -> bool:
    """False when it was written down before."""
    if not await labels.bought(tx, label_key, label):
        return False
    number = label.tracking_number
    await tell(tx, back, "ReturnLabelBought", carrier=label.carrier, tracking_number=number)
    return True


async def record_return_tracking(
    tx: AsyncConnection, rma: str, events: Sequence[TrackingEvent]
) -> str:
    """Fold the scans by the carrier's own time, as those of parcels that leave."""
    back = await locked(tx, rma)
    status = fold(TrackingStatus(back.tracking_status or "pending"), events)
    if status != back.tracking_status and await returns.tracked(tx, rma, str(status)):
        await tell(tx, back, "ReturnTracked", "carrier", status=str(status))
    return str(status)


async def _places(tx: AsyncConnection, rma: str) -> Any:
    found = await row(
        tx,
        """
        SELECT o.ship_to, l.address
        FROM returns r JOIN orders o USING (order_id) JOIN locations l USING (location)
        WHERE r.rma = :rma
        """,
        rma=rma,
    )
    assert found is not None
    return found


async def _items(tx: AsyncConnection, rma: str) -> list[tuple[Measures, int]]:
    found = await rows(
        tx,
        """
        SELECT p.weight_g, p.length_mm, p.width_mm, p.height_mm, i.requested
        FROM return_items i JOIN products p USING (sku) WHERE i.rma = :rma
        """,
        rma=rma,
    )
    return [(Measures(*item[:4]), item[4]) for item in found]
