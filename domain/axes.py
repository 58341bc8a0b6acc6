"""Derives the three axes of an order's status (payment, fulfillment, return) from its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.tracking import TrackingStatus


class PaymentAxis(StrEnum):
    NOT_DUE = "not_due"  # the order costs nothing
    UNPAID = "unpaid"
    AWAITING_PAYMENT = "awaiting_payment"  # a bank slip is issued and not paid
    PARTLY_AUTHORIZED = "partly_authorized"
    AUTHORIZED = "authorized"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"  # released, or expired, before anything was taken


class FulfillmentAxis(StrEnum):
    UNFULFILLED = "unfulfilled"
    IN_PROGRESS = "in_progress"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    LOST = "lost"
    CANCELLED = "cancelled"


class ReturnAxis(StrEnum):
    NONE = "none"
    REQUESTED = "requested"  # something is promised to come back
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"
    RETURNED_TO_SENDER = "returned_to_sender"  # the carrier brings a parcel back by itself


@dataclass(frozen=True, slots=True)
class Money:
    """Sums over an order's authorizations, in minor units of its currency.

    `authorized_minor` is what is held or was taken; `pending_minor` are slips not paid yet;
    `given_up_minor` was voided or expired.
    """

    total_minor: int
    authorized_minor: int = 0
    pending_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    given_up_minor: int = 0

    @property
    def is_settled(self) -> bool:
        """Nothing is held or awaited any more: what was captured is all that will be."""
        return self.captured_minor == self.authorized_minor and self.pending_minor == 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """A fulfillment order as the axes see it; `state` is the word of its table."""

    state: str
    tracking_status: str | None = None


@dataclass(frozen=True, slots=True)
class Units:
    """`shipped`, `in_return` and `returned` count the units of parcels that left."""

    ordered: int
    cancelled: int = 0
    shipped: int = 0
    in_return: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Axes:
    payment: PaymentAxis
    fulfillment: FulfillmentAxis
    returned: ReturnAxis


UNTOUCHED: Final = frozenset({"backordered", "open"})
GONE: Final = frozenset({"handed_over", "delivered", "lost"})  # it left the house


def derive_axes(money: Money, units: Units, parcels: Sequence[Parcel], *, is_closed: bool) -> Axes:
    return Axes(
        payment=payment_axis(money, is_closed=is_closed),
        fulfillment=fulfillment_axis(units, parcels, is_closed=is_closed),
        returned=return_axis(parcels, units),
    )


def payment_axis(money: Money, *, is_closed: bool) -> PaymentAxis:
    if money.captured_minor > 0:
        return _taken(money, is_closed=is_closed)
    if money.total_minor == 0:
        return PaymentAxis.NOT_DUE
    if money.pending_minor > 0:
        return PaymentAxis.AWAITING_PAYMENT
    if money.authorized_minor >= money.total_minor:
        return PaymentAxis.AUTHORIZED
    if money.authorized_minor > 0:
        return PaymentAxis.PARTLY_AUTHORIZED
    return PaymentAxis.VOIDED if money.given_up_minor > 0 else PaymentAxis.UNPAID


def _taken(money: Money, *, is_closed: bool) -> PaymentAxis:
    if money.refunded_minor >= money.captured_minor:
        return PaymentAxis.REFUNDED
    if money.refunded_minor > 0:
        return PaymentAxis.PARTLY_REFUNDED
    # Of an order cancelled in part, less than the total is all that was due.
    is_all = money.captured_minor >= money.total_minor or (is_closed and money.is_settled)
    return PaymentAxis.PAID if is_all else PaymentAxis.PARTLY_PAID


def fulfillment_axis(
    units: Units, parcels: Sequence[Parcel], *, is_closed: bool
) -> FulfillmentAxis:
    states = [parcel.state for parcel in parcels if parcel.state != "cancelled"]
    if not states:
        is_over = is_closed or units.cancelled >= units.ordered > 0
        return FulfillmentAxis.CANCELLED if is_over else FulfillmentAxis.UNFULFILLED
    arrived = states.count("delivered")
    if arrived:
        is_all = arrived == len(states)
        return FulfillmentAxis.DELIVERED if is_all else FulfillmentAxis.PARTLY_DELIVERED
    if all(state == "lost" for state in states):
        return FulfillmentAxis.LOST
    gone = sum(state in GONE for state in states)
    if gone:
        return FulfillmentAxis.SHIPPED if gone == len(states) else FulfillmentAxis.PARTLY_SHIPPED
    is_begun = any(state not in UNTOUCHED for state in states)
    return FulfillmentAxis.IN_PROGRESS if is_begun else FulfillmentAxis.UNFULFILLED


def return_axis(parcels: Sequence[Parcel], units: Units) -> ReturnAxis:
    """What customers send back says more than a parcel that never reached them."""
    if units.returned:
        is_all = units.returned >= units.shipped
        return ReturnAxis.RETURNED if is_all else ReturnAxis.PARTLY_RETURNED
    if units.in_return:
        return ReturnAxis.REQUESTED
    came_back = any(p.tracking_status == TrackingStatus.RETURN_TO_SENDER for p in parcels)
    return ReturnAxis.RETURNED_TO_SENDER if came_back else ReturnAxis.NONE
