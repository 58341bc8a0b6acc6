"""What the others' books say, line by line, in one form wherever it was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from activities.connectors.carrier.port import LabelRecord
from activities.connectors.channel.port import ChannelOrder
from activities.connectors.payment.port import PaymentRecord, PaymentStatus

STATUS: Final[Mapping[PaymentStatus, str]] = {
    PaymentStatus.AUTHORIZED: "held",
    PaymentStatus.CAPTURED: "taken",
    PaymentStatus.VOIDED: "voided",
}


@dataclass(frozen=True)
class PaymentLine:
    """What a vendor says of one payment; None is what it does not say."""

    ref: str
    status: str  # none, held, taken, voided
    authorized_minor: int
    captured_minor: int
    refunded_minor: int | None
    currency: str
    captures: int = 1
    key: str | None = None


@dataclass(frozen=True)
class LabelLine:
    shipment: str
    tracking_number: str | None
    voided: bool
    bought: int = 1
    reference: str | None = None


@dataclass(frozen=True)
class PushLine:
    external_id: str
    tracking_number: str | None


def payment_line(record: PaymentRecord) -> PaymentLine:
    return PaymentLine(
        ref=record.vendor_ref,
        status=STATUS.get(record.status, "none"),
        authorized_minor=record.amount_minor,
        captured_minor=record.received_minor,
        refunded_minor=record.refunded_minor,
        currency=record.currency,
        key=record.key,
    )


def label_line(record: LabelRecord) -> LabelLine:
    return LabelLine(
        shipment=record.vendor_shipment_id,
        tracking_number=record.tracking_number,
        voided=record.voided,
        reference=record.reference,
    )


def push_lines(order: ChannelOrder) -> list[PushLine]:
    return [PushLine(order.external_id, number) for number in order.tracking_numbers or ()]


def fields(row: Any, *names: str) -> dict[str, Any]:
    """Our side of a difference: some columns of a row."""
    return {name: getattr(row, name) for name in names}
