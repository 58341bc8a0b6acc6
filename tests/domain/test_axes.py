"""The axes of an order's status, by example and for every mix of parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.axes import (
    Axes,
    FulfillmentAxis,
    Money,
    Parcel,
    PaymentAxis,
    ReturnAxis,
    Units,
    derive_axes,
    fulfillment_axis,
    payment_axis,
    return_axis,
)

STATES = (
    "open", "picked", "packed", "ready_for_pickup", "handing_over",
    "handed_over", "delivered", "cancelled", "lost",
)  # fmt: skip


@pytest.mark.parametrize(
    ("money", "is_closed", "axis"),
    [
        (Money(0), False, "not_due"),
        (Money(100), False, "unpaid"),
        (Money(100, pending_minor=100), False, "awaiting_payment"),
        (Money(100, authorized_minor=40, pending_minor=60), False, "awaiting_payment"),
        (Money(100, authorized_minor=40), False, "partly_authorized"),
        (Money(100, authorized_minor=100), False, "authorized"),
        (Money(100, given_up_minor=100), True, "voided"),
        (Money(100, authorized_minor=100, captured_minor=60), False, "partly_paid"),
        (Money(100, authorized_minor=100, captured_minor=100), False, "paid"),
        # The rest was cancelled and its authorization released.
        (Money(100, authorized_minor=60, captured_minor=60, given_up_minor=40), True, "paid"),
        (Money(100, authorized_minor=60, captured_minor=60), False, "partly_paid"),
        (
            Money(100, authorized_minor=100, captured_minor=100, refunded_minor=1),
            True,
            "partly_refunded",
        ),
        (
            Money(100, authorized_minor=100, captured_minor=100, refunded_minor=100),
            True,
            "refunded",
        ),
    ],
)
def test_the_payment_axis(money: Money, *, is_closed: bool, axis: str) -> None:
    assert payment_axis(money, is_closed=is_closed) == axis


@pytest.mark.parametrize(
    ("states", "cancelled", "is_closed", "axis"),
    [
        ([], 0, False, "unfulfilled"),
        ([], 2, False, "cancelled"),
        ([], 0, True, "cancelled"),
        (["open", "open"], 0, False, "unfulfilled"),
        (["open", "picked"], 0, False, "in_progress"),
        (["handing_over"], 0, False, "in_progress"),
        (["handed_over", "packed"], 0, False, "partly_shipped"),
        (["handed_over", "cancelled"], 1, False, "shipped"),
        (["handed_over", "lost"], 0, False, "shipped"),
        (["delivered", "handed_over"], 0, False, "partly_delivered"),
        (["delivered", "lost"], 0, True, "partly_delivered"),
        (["delivered", "cancelled"], 1, True, "delivered"),
        (["lost"], 0, True, "lost"),
        (["cancelled"], 2, True, "cancelled"),
    ],
)
def test_the_fulfillment_axis(
    states: list[str], cancelled: int, *, is_closed: bool, axis: str
) -> None:
    parcels = [Parcel(state) for state in states]
    assert fulfillment_axis(Units(2, cancelled), parcels, is_closed=is_closed) == axis


def test_a_parcel_on_its_way_back_is_on_the_return_axis() -> None:
    assert return_axis([Parcel("handed_over", "in_transit")], Units(1)) is ReturnAxis.NONE
    back = Parcel("handed_over", "return_to_sender")
    assert (
        return_axis([Parcel("delivered", "delivered"), back], Units(2))
        is ReturnAxis.RETURNED_TO_SENDER
    )


@st.composite
def moneys(draw: st.DrawFn) -> Money:
    authorized = draw(st.integers(0, 200))
    captured = draw(st.integers(0, authorized))
    return Money(
        total_minor=draw(st.integers(0, 200)),
        authorized_minor=authorized,
        pending_minor=draw(st.integers(0, 50)),
        captured_minor=captured,
        refunded_minor=draw(st.integers(0, captured)),
        given_up_minor=draw(st.integers(0, 50)),
    )


@given(
    money=moneys(),
    states=st.lists(st.sampled_from(STATES), max_size=5),
    cancelled=st.integers(0, 3),
    is_closed=st.booleans(),
)
def test_every_mix_of_parts_has_its_axes(
    money: Money, states: list[str], cancelled: int, *, is_closed: bool
) -> None:
    parcels = [Parcel(state) for state in states]
    axes = derive_axes(money, Units(3, cancelled), parcels, is_closed=is_closed)
    assert isinstance(axes, Axes)
    if axes.payment in {PaymentAxis.PAID, PaymentAxis.PARTLY_PAID}:
        assert money.captured_minor > 0
    if axes.payment is PaymentAxis.UNPAID:
        assert money.captured_minor + money.authorized_minor + money.pending_minor == 0
    if axes.fulfillment is FulfillmentAxis.DELIVERED:
        assert set(states) <= {"delivered", "cancelled"}
    if axes.fulfillment is FulfillmentAxis.CANCELLED:
        assert set(states) <= {"cancelled"}


@given(st.permutations(["delivered", "handed_over", "lost", "open", "cancelled"]))
def test_the_order_of_parcels_does_not_matter(states: list[str]) -> None:
    parcels = [Parcel(state) for state in states]
    assert fulfillment_axis(Units(5), parcels, is_closed=False) == "partly_delivered"


def test_what_customers_send_back_is_on_the_return_axis() -> None:
    gone = [Parcel("delivered", "delivered")]
    assert return_axis(gone, Units(3, shipped=3, in_return=1)) is ReturnAxis.REQUESTED
    assert return_axis(gone, Units(3, shipped=3, returned=2)) is ReturnAxis.PARTLY_RETURNED
    assert return_axis(gone, Units(3, 1, shipped=2, returned=2)) is ReturnAxis.RETURNED
