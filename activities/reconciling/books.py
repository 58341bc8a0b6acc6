"""Reading the others' books, a page an activity: one call, and its lines kept for comparing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.channel.port import ChannelGateway
from activities.connectors.payment.port import PaymentGateway
from activities.reconciling.lines import label_line, payment_line
from db.stores import reconciliation
from db.stores.reconciliation import Look

PAYMENTS: Final = "payments"
LABELS: Final = "labels"
RUNS: Final = "runs"
ORDERS: Final = "orders:"  # and the channel's code


@dataclass(frozen=True)
class LookAt:
    """`since` and `until` bound what is compared; `grace_s` is how long a thing may be late."""

    run: str
    scope: str
    number: int
    since: datetime
    until: datetime
    grace_s: float

    @property
    def look(self) -> Look:
        return Look(self.run, self.scope, self.number)

    @property
    def channel(self) -> str:
        return self.scope.removeprefix(ORDERS)


@dataclass(frozen=True)
class ReadPage:
    look: LookAt
    cursor: str | None


@dataclass(frozen=True)
class Read:
    next_cursor: str | None


class BookActivities:
    """`channels` by channel code."""

    def __init__(
        self,
        engine: AsyncEngine,
        payment: PaymentGateway,
        carrier: CarrierGateway,
        channels: Mapping[str, ChannelGateway],
    ) -> None:
        self._engine = engine
        self._payment = payment
        self._carrier = carrier
        self._channels = channels

    @activity.defn
    async def read_payments(self, page: ReadPage) -> Read:
        found = await self._payment.list_payments(page.look.since, page.cursor)
        # One without a key of ours was begun by another program on the same account.
        ours = (record for record in found.payments if record.key is not None)
        await self._keep(page, {each.vendor_ref: asdict(payment_line(each)) for each in ours})
        return Read(found.next_cursor)

    @activity.defn
    async def read_labels(self, page: ReadPage) -> Read:
        found = await self._carrier.list_labels(page.look.since, page.cursor)
        lines = {each.vendor_shipment_id: asdict(label_line(each)) for each in found.labels}
        await self._keep(page, lines)
        return Read(found.next_cursor)

    @activity.defn
    async def read_orders(self, page: ReadPage) -> Read:
        gateway = self._channels[page.look.channel]
        found = await gateway.list_orders(page.look.since, page.cursor)
        await self._keep(page, {each.external_id: asdict(each) for each in found.orders})
        return Read(found.next_cursor)

    async def _keep(self, page: ReadPage, lines: Mapping[str, Mapping[str, Any]]) -> None:
        async with self._engine.begin() as tx:
            await reconciliation.keep_lines(tx, page.look.look, lines)
