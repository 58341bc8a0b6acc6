"""The verbs every carrier vendor offers, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from activities.connectors.port import UnknownRule
from domain.address import Address
from domain.tracking import TrackingEvent, TrackingStatus

# The codes a carrier vendor's `Rejected` may carry.
RejectionCode = Literal[
    "address_undeliverable",
    "parcel_invalid",
    "no_rates",
    "rate_unavailable",
    "label_not_voidable",
    "not_found",
    "other",
]


@dataclass(frozen=True, slots=True)
class Parcel:
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class CreateShipment:
    """`reference` is ours, printed and searchable at the vendor's.

    `is_return`: a customer sends it to us; addresses are given as the parcel travels.
    """

    reference: str
    ship_from: Address
    ship_to: Address
    parcel: Parcel
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    rate_id: str
    carrier: str
    service: str
    amount_minor: int
    currency: str
    delivery_days: int | None


@dataclass(frozen=True, slots=True)
class CreatedShipment:
    vendor_shipment_id: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label; `voided` when its refund was asked for, whether or not it came back yet."""

    vendor_shipment_id: str
    tracking_number: str
    carrier: str
    service: str
    amount_minor: int
    currency: str
    label_url: str
    tracker_id: str
    voided: bool = False


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """One bought label in the vendor's own books; `reference` is ours, if it was bought by us."""

    vendor_shipment_id: str
    tracking_number: str | None
    voided: bool
    reference: str | None


@dataclass(frozen=True, slots=True)
class LabelPage:
    """`next_cursor` is None on the last page."""

    labels: tuple[LabelRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Tracking:
    status: TrackingStatus
    events: tuple[TrackingEvent, ...]
    estimated_delivery: datetime | None


@dataclass(frozen=True, slots=True)
class TrackingNotice:
    """A vendor's tracking webhook in our words, with the whole history it carried."""

    event_id: str
    tracker_id: str
    tracking_number: str
    status: TrackingStatus
    events: tuple[TrackingEvent, ...]


class CarrierGateway(Protocol):
    """Labels are bought in two steps, so that an id is saved before money is spent."""

    @property
    def vendor(self) -> str: ...

    @property
    def unknown_rules(self) -> Mapping[str, UnknownRule]: ...

    async def verify_address(self, address: Address) -> Address:
        """The address normalised. Raises: Rejected "address_undeliverable"."""
        ...

    async def create_shipment(self, command: CreateShipment) -> CreatedShipment:
        """Nothing is bought yet. Raises: Rejected "no_rates" when nobody carries it."""
        ...

    async def buy_label(self, vendor_shipment_id: str, rate_id: str) -> Label:
        """At most one label a shipment: one already bought is answered, not bought again."""
        ...

    async def find_label(self, vendor_shipment_id: str) -> Label | None: ...

    async def void_label(self, vendor_shipment_id: str) -> None:
        """Ask the postage back; a label already void is no error."""
        ...

    async def track(self, tracker_id: str) -> Tracking: ...

    async def list_labels(self, since: datetime, cursor: str | None) -> LabelPage:
        """Labels bought for shipments created since then, newest first."""
        ...


def cheapest(rates: tuple[Rate, ...], within_days: int | None = None) -> Rate:
    """The lowest price that arrives in time; when none does, the quickest, as late is late.

    Raises: ValueError when there are no rates. Rates of one shipment share their currency.
    """
    if not rates:
        raise ValueError("no rates to choose from")
    known = [rate for rate in rates if rate.delivery_days is not None]
    if within_days is None or not known:
        return min(rates, key=lambda rate: (rate.amount_minor, rate.rate_id))
    quickest = min(rate.delivery_days or 0 for rate in known)
    limit = max(within_days, quickest)
    in_time = [rate for rate in known if (rate.delivery_days or 0) <= limit]
    return min(in_time, key=lambda rate: (rate.amount_minor, rate.rate_id))
