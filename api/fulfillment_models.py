"""Fulfillment orders as the warehouse reads them and reports on them."""

from typing import Literal

from pydantic import ConfigDict, Field

from api.fields import Answer, Body, Minor, Moment

State = Literal[
    "backordered",
    "open",
    "picked",
    "packed",
    "ready_for_pickup",
    "handing_over",
    "handed_over",
    "delivered",
    "cancelled",
    "lost",
]


class FulfillmentLineView(Answer):
    line_no: int
    sku: str
    quantity: int


class PlayView(Answer):
    """What went wrong with the parcel on its way, and was acted on."""

    play: str = Field(examples=["no_first_scan"])
    at: Moment


class LabelView(Answer):
    label_key: str
    state: str
    vendor: str
    carrier: str | None
    service: str | None
    tracking_number: str | None
    label_url: str | None
    cost_minor: Minor | None
    cost_currency: str | None
    created_at: Moment


class TrackingEventView(Answer):
    event_id: str
    status: str
    description: str
    occurred_at: Moment
    received_at: Moment


class FulfillmentView(Answer):
    """What one location ships."""

    fulfillment_id: str
    order_id: str
    number: int
    rma: str | None = Field(description="the return in exchange for which it is sent")
    location: str
    state: State
    share_minor: Minor
    tracking_number: str | None
    tracking_status: str | None
    next_step: str | None
    next_deadline: Moment | None
    created_at: Moment
    picked_at: Moment | None
    packed_at: Moment | None
    handed_over_at: Moment | None
    delivered_at: Moment | None
    ended_at: Moment | None
    backordered_at: Moment | None = Field(description="when it began to wait for stock")
    filled_at: Moment | None = Field(description="when its units were found")
    is_pickup: bool = Field(description="it is collected at its location")
    ready_for_pickup_at: Moment | None
    replaces: str | None = Field(description="the lost or damaged parcel that it stands in for")
    lines: list[FulfillmentLineView]
    labels: list[LabelView]
    tracking_events: list[TrackingEventView]
    plays: list[PlayView]


class FulfillmentPage(Answer):
    items: list[FulfillmentView]
    next_cursor: str | None = Field(description="null on the last page")


class LineDone(Body):
    line_no: int = Field(ge=1, le=100_000)
    quantity: int = Field(ge=1, le=1_000_000)


ShortageCode = Literal["not_found", "damaged", "wrong_item", "no_capacity", "closed"]


class WorkDone(Body):
    """Every line of the fulfillment order with its full quantity."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lines": [{"line_no": 1, "quantity": 2}]}]}
    )
    lines: list[LineDone] = Field(min_length=1, max_length=500)


class PickDone(WorkDone):
    """Every line with its full quantity; or, with a reason, fewer units or lines than that."""

    reason: ShortageCode | None = Field(
        default=None, description="why units are missing: what is missing is sent from elsewhere"
    )


class Rejected(Body):
    """The location ships nothing of the fulfillment order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "no_capacity"}]})
    reason: ShortageCode


class Reported(Answer):
    fulfillment_id: str
    status: Literal["picked", "packed", "rejected", "collected", "accepted"] = Field(
        description="accepted: taken, and not recorded yet"
    )
