"""Our carrier commands in EasyPost's JSON, and its objects and errors in our words."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Final

from activities.connectors.carrier.easypost.wire import (
    ListedShipment,
    TrackingDetail,
    WireAddress,
    WireRate,
    WireShipment,
    WireTracker,
)
from activities.connectors.carrier.port import (
    CreatedShipment,
    CreateShipment,
    Label,
    LabelRecord,
    Parcel,
    Rate,
    RejectionCode,
    Tracking,
)
from activities.connectors.errors import (
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    Rejected,
)
from domain.address import Address
from domain.money import exponent, parse_minor
from domain.tracking import TrackingEvent, TrackingStatus

VENDOR: Final = "easypost"
POSTAGE_EXISTS: Final = "already_bought"

# Source: https://docs.easypost.com/docs/trackers
TRACKING_STATUS: Final[dict[str, TrackingStatus]] = {
    "pre_transit": TrackingStatus.PENDING,
    "in_transit": TrackingStatus.IN_TRANSIT,
    "out_for_delivery": TrackingStatus.OUT_FOR_DELIVERY,
    "delivered": TrackingStatus.DELIVERED,
    "available_for_pickup": TrackingStatus.READY_FOR_PICKUP,
    "return_to_sender": TrackingStatus.RETURN_TO_SENDER,
    "failure": TrackingStatus.DELIVERY_FAILED,
    "cancelled": TrackingStatus.CANCELLED,
    "error": TrackingStatus.UNKNOWN,
    "unknown": TrackingStatus.UNKNOWN,
}
FAILURES: Final[dict[str, TrackingStatus]] = {
    "damaged": TrackingStatus.DAMAGED,
    "lost": TrackingStatus.LOST,
}
# Source: https://docs.easypost.com/docs/errors
REJECTION: Final[dict[str, RejectionCode]] = {
    "ADDRESS.VERIFY.FAILURE": "address_undeliverable",
    "ADDRESS.INVALID": "address_undeliverable",
    "ADDRESS.COUNTRY.INVALID": "address_undeliverable",
    "ADDRESS.PARAMETERS.INVALID": "address_undeliverable",
    "PARCEL.PARAMETERS.INVALID": "parcel_invalid",
    "SHIPMENT.RATES.UNAVAILABLE": "no_rates",
    "RATE.UNAVAILABLE": "rate_unavailable",
    "SHIPMENT.REFUND.UNAVAILABLE": "label_not_voidable",
    "NOT_FOUND": "not_found",
}
# The merchant's balance at EasyPost ran out: a person pays, then everything goes on.
PAYMENT_REQUIRED: Final = 402
# A label whose postage was asked back; it must not be put on a parcel.
VOIDED_REFUNDS: Final = frozenset({"submitted", "refunded"})

GRAMS_AN_OUNCE: Final = Decimal("28.349523125")  # exact by definition
MM_AN_INCH: Final = Decimal("25.4")  # exact by definition
# Carriers charge more for an under-declared parcel than for a tenth too much: always upward.
STEP: Final = Decimal("0.1")


def ounces(weight_g: int) -> str:
    """Grams as ounces, rounded up to a tenth."""
    return _rounded_up(Decimal(weight_g) / GRAMS_AN_OUNCE)


def inches(size_mm: int) -> str:
    """Millimetres as inches, rounded up to a tenth."""
    return _rounded_up(Decimal(size_mm) / MM_AN_INCH)


def _rounded_up(value: Decimal) -> str:
    return str(value.quantize(STEP, rounding=ROUND_CEILING))


def address_to_wire(address: Address) -> dict[str, str]:
    fields = {
        "name": address.name,
        "street1": address.line1,
        "street2": address.line2,
        "city": address.city,
        "state": address.region,
        "zip": address.postal_code,
        "country": address.country,
        "phone": address.phone,
    }
    return {name: value for name, value in fields.items() if value}


def parcel_to_wire(parcel: Parcel) -> dict[str, str]:
    """Raises: Rejected "parcel_invalid" for what has no weight or no size."""
    sizes = (parcel.weight_g, parcel.length_mm, parcel.width_mm, parcel.height_mm)
    if min(sizes) <= 0:
        raise Rejected(VENDOR, "weight and sizes must be above zero", "parcel_invalid")
    return {
        "length": inches(parcel.length_mm),
        "width": inches(parcel.width_mm),
        "height": inches(parcel.height_mm),
        "weight": ounces(parcel.weight_g),
    }


def shipment_to_wire(command: CreateShipment) -> dict[str, Any]:
    """A return is described as the parcel that left: EasyPost turns its addresses round.

    Source: https://docs.easypost.com/docs/shipments/returns
    """
    customer = command.ship_from if command.is_return else command.ship_to
    ours = command.ship_to if command.is_return else command.ship_from
    flag = {"is_return": True} if command.is_return else {}
    return {
        "shipment": {
            "reference": command.reference,
            "to_address": address_to_wire(customer),
            "from_address": address_to_wire(ours),
            "parcel": parcel_to_wire(command.parcel),
            **flag,
        }
    }


def address_from_wire(wire: WireAddress, asked: Address) -> Address:
    """The normalised place; the person's name and phone stay as the customer wrote them.

    Raises: Rejected "address_undeliverable".
    """
    verified = wire.verifications.delivery
    if verified is not None and not verified.success:
        raise Rejected(VENDOR, "the address is not deliverable", "address_undeliverable")
    at = verified.details if verified else None
    known = at is not None and at.latitude is not None and at.longitude is not None
    return Address(
        name=asked.name,
        line1=wire.street1,
        line2=wire.street2 or None,
        city=wire.city,
        region=wire.state or None,
        postal_code=wire.zip,
        country=wire.country,
        phone=asked.phone,
        latitude=at.latitude if at and known else asked.latitude,
        longitude=at.longitude if at and known else asked.longitude,
    )


def rate_from_wire(wire: WireRate) -> Rate:
    days = wire.delivery_days if wire.delivery_days is not None else wire.est_delivery_days
    return Rate(
        rate_id=wire.id,
        carrier=wire.carrier,
        service=wire.service,
        amount_minor=price_minor(wire.rate, wire.currency),
        currency=wire.currency,
        delivery_days=days,
    )


def price_minor(text: str, currency: str) -> int:
    """A price that is finer than the minor unit (some carriers quote mills) counts as the next one.

    Raises: ValueError when it is no price.
    """
    try:
        price = Decimal(text)
        unit = Decimal(1).scaleb(-exponent(currency))
        return parse_minor(str(price.quantize(unit, rounding=ROUND_CEILING)), currency)
    except InvalidOperation:
        raise ValueError(f"not a price: {text!r}") from None


def shipment_from_wire(wire: WireShipment) -> CreatedShipment:
    """Raises: Rejected "no_rates" when no carrier takes the parcel."""
    if not wire.rates:
        said = "; ".join(f"{each.carrier}: {each.message}" for each in wire.messages)
        raise Rejected(VENDOR, said or "no carrier offers a rate", "no_rates")
    return CreatedShipment(wire.id, tuple(rate_from_wire(rate) for rate in wire.rates))


def label_from_wire(wire: WireShipment) -> Label | None:
    """None while nothing is bought."""
    rate, label, tracker = wire.selected_rate, wire.postage_label, wire.tracker
    if rate is None or label is None or tracker is None or not wire.tracking_code:
        return None
    return Label(
        vendor_shipment_id=wire.id,
        tracking_number=wire.tracking_code,
        carrier=rate.carrier,
        service=rate.service,
        amount_minor=price_minor(rate.rate, rate.currency),
        currency=rate.currency,
        label_url=label.label_url,
        tracker_id=tracker.id,
        voided=wire.refund_status in VOIDED_REFUNDS,
    )


def record_from_wire(wire: ListedShipment) -> LabelRecord | None:
    """None while nothing is bought."""
    if wire.postage_label is None:
        return None
    return LabelRecord(
        vendor_shipment_id=wire.id,
        tracking_number=wire.tracking_code,
        voided=wire.refund_status in VOIDED_REFUNDS,
        reference=wire.reference,
    )


def status_from_wire(status: str | None, detail: str | None = None) -> TrackingStatus:
    """A parcel that is damaged or lost is a failure of which only the detail says so."""
    if status == "failure" and detail in FAILURES:
        return FAILURES[detail]
    return TRACKING_STATUS.get(status or "", TrackingStatus.UNKNOWN)


def tracking_from_wire(wire: WireTracker) -> Tracking:
    return Tracking(
        status=status_from_wire(wire.status, wire.status_detail),
        events=events_from_wire(wire),
        estimated_delivery=_utc(wire.est_delivery_date),
    )


def events_from_wire(wire: WireTracker) -> tuple[TrackingEvent, ...]:
    """EasyPost repeats the whole history each time, without ids: ours are made of the content."""
    placed = ((_utc(each.happened_at), each) for each in wire.tracking_details)
    return tuple(_event(wire.id, when, each) for when, each in placed if when is not None)


def _event(tracker_id: str, when: datetime, detail: TrackingDetail) -> TrackingEvent:
    said = detail.message or ""
    content = f"{tracker_id}|{when.isoformat()}|{detail.status}|{said}"
    return TrackingEvent(
        event_id=hashlib.sha256(content.encode()).hexdigest()[:24],
        status=status_from_wire(detail.status, detail.status_detail),
        occurred_at=when,
        description=said,
    )


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def refusal(status: int, body: Mapping[str, Any]) -> ConnectorError:
    """What a 4xx of EasyPost's means."""
    raw = body.get("error")
    error: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    code = str(error.get("code") or "")
    detail = f"{status} {code}: {error.get('message') or 'no message'}"
    if status == PAYMENT_REQUIRED:
        return Misconfigured(VENDOR, detail)
    if code.endswith("IN_PROGRESS"):
        # An attempt given up for lost is still at it.
        return OutcomeUnknown(VENDOR, detail)
    if code.endswith("POSTAGE.EXISTS"):
        return Rejected(VENDOR, detail, POSTAGE_EXISTS)
    return Rejected(VENDOR, detail, REJECTION.get(code, "other"))
