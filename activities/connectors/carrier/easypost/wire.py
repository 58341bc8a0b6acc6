"""EasyPost's JSON, only the fields we read. API version v2.

Source: https://docs.easypost.com/docs/shipments
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Coordinates(Wire):
    latitude: float | None = None
    longitude: float | None = None


class Verification(Wire):
    success: bool
    details: Coordinates | None = None


class Verifications(Wire):
    delivery: Verification | None = None


class WireAddress(Wire):
    id: str
    name: str | None = None
    street1: str
    street2: str | None = None
    city: str
    state: str | None = None
    zip: str
    country: str
    phone: str | None = None
    verifications: Verifications = Verifications()


class WireRate(Wire):
    id: str
    service: str
    carrier: str
    rate: str
    currency: str
    delivery_days: int | None = None
    est_delivery_days: int | None = None


class PostageLabel(Wire):
    label_url: str


class TrackingDetail(Wire):
    message: str | None = None
    status: str | None = None
    status_detail: str | None = None
    # Carriers without a clock at the scanner send none; such a scan cannot be placed.
    happened_at: datetime | None = Field(default=None, alias="datetime")


class WireTracker(Wire):
    id: str
    tracking_code: str
    status: str
    status_detail: str | None = None
    est_delivery_date: datetime | None = None
    tracking_details: tuple[TrackingDetail, ...] = ()


class TrackerReference(Wire):
    id: str


class Message(Wire):
    carrier: str | None = None
    message: str | None = None


class WireShipment(Wire):
    id: str
    reference: str | None = None
    rates: tuple[WireRate, ...] = ()
    messages: tuple[Message, ...] = ()
    selected_rate: WireRate | None = None
    postage_label: PostageLabel | None = None
    tracking_code: str | None = None
    tracker: TrackerReference | None = None
    refund_status: str | None = None


class ListedShipment(Wire):
    id: str
    reference: str | None = None
    postage_label: PostageLabel | None = None
    tracking_code: str | None = None
    refund_status: str | None = None


class ShipmentList(Wire):
    shipments: tuple[ListedShipment, ...]
    has_more: bool


class Event(Wire):
    id: str
    description: str
    result: dict[str, object]
