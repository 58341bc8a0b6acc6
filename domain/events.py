"""What can be told of an order: the one list of event names, and what of them others may read."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

OrderEvent = Literal[
    "OrderPlaced",
    "StockReserved",
    "StockReleased",
    "ReservationExpired",
    "PaymentAuthorized",
    "PaymentCaptured",
    "PaymentDeclined",
    "PaymentVoided",
    "PaymentRefunded",
    "SlipIssued",
    "SlipPaid",
    "SlipExpired",
    "OrderConfirmed",
    "Picked",
    "Packed",
    "LabelBought",
    "LabelVoided",
    "HandedOver",
    "TrackingUpdated",
    "Delivered",
    "Lost",
    "FulfillmentCancelled",
    "ShortPicked",
    "FulfillmentRejected",
    "Rerouted",
    "Backordered",
    "BackorderFilled",
    "PromiseChanged",
    "ParcelDelayed",
    "ClaimFiled",
    "Reshipped",
    "LateScan",
    "ExceptionRaised",
    "ExceptionResolved",
    "HoldPlaced",
    "HoldReleased",
    "HoldExpired",
    "OrderClosed",
    "ChangeConfirmed",
    "OrderChanged",
    "ChangeRefused",
    "InterceptAsked",
    "AddressChanged",
    "DeliveryChanged",
    "ReturnRequested",
    "ReturnApproved",
    "ReturnRefused",
    "ReturnCancelled",
    "ReturnLabelBought",
    "ReturnTracked",
    "ReturnReceived",
    "ReturnInspected",
    "ReturnSettled",
    "ReturnClosed",
    "ExchangePlanned",
    "StoreCreditIssued",
    "ReadyForPickup",
    "Collected",
    "NotCollected",
]
EVENT_NAMES: Final[tuple[str, ...]] = get_args(OrderEvent)
# What leaves the house of an event's data. Not `reason`: it can be in a customer's own words.
SHOWN: Final = frozenset(
    {
        "amount_minor", "by", "carrier", "channel", "code", "currency", "exception_id", "from",
        "hold", "number", "outcome", "resolution", "rma", "status", "tender_no", "tracking_number",
    }
)  # fmt: skip
_ID_DIGITS: Final = 32


def event_id(order_id: str, sequence: int) -> str:
    """The same event has the same id for everybody and for ever.

    A hash, because order ids may hold the full stop that separates the parts of what is signed.
    """
    return f"evt_{hashlib.sha256(f'{order_id}:{sequence}'.encode()).hexdigest()[:_ID_DIGITS]}"


def shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an event's data that holds no personal data."""
    return {name: value for name, value in data.items() if name in SHOWN}
