"""Returns as they are asked for, previewed, reported on and read."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.fields import Answer, Body, LongText, Minor, Moment, ShortText, Sku, Text
from domain.order import LARGEST_AMOUNT_MINOR, LARGEST_QUANTITY
from domain.returning.states import Acceptance, Reception

Reason = Literal[
    "defective", "damaged_in_transit", "wrong_item", "not_as_described", "unwanted", "wrong_size",
    "late", "other",
]  # fmt: skip
Condition = Literal["unopened", "opened", "used", "damaged"]
Resolution = Literal["refund", "store_credit", "exchange", "replacement"]
Disposition = Literal["restock", "refurbish", "return_to_vendor", "scrap", "quarantine"]
State = Literal["requested", "approved", "received", "inspected", "settled", "closed"]
Outcome = Literal[
    "refused", "cancelled", "never_arrived", "rejected", "refunded", "credited", "exchanged",
    "replaced",
]  # fmt: skip
Units = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)]
SomeUnits = Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)]
Number = Annotated[int, Field(ge=1, le=100_000)]


class LineWanted(Body):
    line_no: Number
    quantity: Units
    reason: Reason
    condition: Condition = "opened"
    photos: list[Text] = Field(default=[], max_length=20, description="references to pictures")


class Instead(Body):
    sku: Sku
    quantity: Units
    unit_price_minor: int = Field(ge=0, le=LARGEST_AMOUNT_MINOR // LARGEST_QUANTITY)


class NewReturn(Body):
    """With `dry_run` nothing is written: the answer says what would be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 12,
                    "resolution": "refund",
                    "lines": [{"line_no": 1, "quantity": 1, "reason": "unwanted"}],
                }
            ]
        }
    )
    version: int = Field(ge=0, le=2**31, description="the order's version that the caller saw")
    dry_run: bool = False
    source: Literal["customer", "staff", "channel"] = "customer"
    resolution: Resolution = "refund"
    method: Literal["label", "drop_off", "keep"] = Field(
        default="label", description="keep: a claim, the goods stay with the customer"
    )
    location: ShortText | None = Field(default=None, description="where the goods go back to")
    lines: list[LineWanted] = Field(min_length=1, max_length=500)
    instead: list[Instead] = Field(
        default=[], max_length=100, description="what is sent in exchange"
    )
    advance: bool = Field(
        default=False, description="send the exchange ahead; the card is held until the goods come"
    )
    payment_reference: Text | None = Field(
        default=None, description="the card that pays what an exchange costs more"
    )


class LineVerdict(Answer):
    line_no: int
    quantity: int
    decision: Literal["allow", "review", "refuse"]
    reason: str | None


class Preview(Answer):
    """What a return would be; `rma` is null as long as it is not asked for."""

    order_id: str
    version: int
    rma: str | None
    state: Literal["requested", "approved"] | None
    decision: Literal["allow", "review", "refuse"]
    method: Literal["label", "drop_off", "keep"]
    currency: str
    goods_minor: Minor
    freight_minor: Minor
    fee_minor: Minor
    return_freight_minor: Minor
    refund_minor: Minor
    credit_minor: Minor
    charge_minor: int = Field(description="what an exchange costs more")
    lines: list[LineVerdict]


class ItemArrived(Body):
    item_no: Number
    quantity: SomeUnits = Field(description="so many have come so far, in all parcels together")


class Stranger(Body):
    sku: Sku
    quantity: Units


class Arrival(Body):
    items: list[ItemArrived] = Field(default=[], max_length=500)
    strangers: list[Stranger] = Field(
        default=[], max_length=100, description="other goods that were in the parcel"
    )
    location: ShortText | None = None
    is_all: bool = Field(default=True, description="false: more is on its way")


class UnitsLookedAt(Body):
    item_no: Number
    quantity: Units
    disposition: Disposition
    accepted: bool = Field(default=True, description="false: nothing is given for these units")
    location: ShortText | None = None


class Inspection(Body):
    """Every unit that arrived, once."""

    units: list[UnitsLookedAt] = Field(min_length=1, max_length=2_000)


class Refusal(Body):
    reason: LongText = Field(description="the customer is told so")


class DispositionView(Answer):
    disposition: Disposition
    accepted: bool
    quantity: int
    location: str


class ItemView(Answer):
    item_no: int
    line_no: int
    fulfillment_id: str
    sku: str
    requested: int
    received: int
    extra: int
    accepted: int
    rejected: int
    reason: str
    condition: str
    photos: list[str]
    dispositions: list[DispositionView]


class InsteadView(Answer):
    line_no: int
    sku: str
    quantity: int
    total_minor: Minor


class RefundView(Answer):
    refund_no: int
    tender_no: int
    amount_minor: Minor
    made_at: Moment | None


class ReturnLabelView(Answer):
    label_key: str
    state: str
    carrier: str | None
    tracking_number: str | None
    label_url: str | None


class ReturnView(Answer):
    """Reception and acceptance are axes of their own; what is given depends on acceptance alone."""

    rma: str
    order_id: str
    source: str
    resolution: Resolution
    method: str
    location: str | None
    state: State
    outcome: Outcome | None
    reception: Reception
    acceptance: Acceptance
    review_reason: str | None
    tracking_status: str | None
    drop_off_code: str | None
    currency: str
    goods_minor: Minor
    freight_minor: Minor
    fee_minor: Minor
    return_freight_minor: Minor
    refund_minor: Minor
    credit_minor: Minor
    exchange_minor: Minor
    credit_code: str | None = Field(description="the last four characters only")
    next_step: str | None
    next_deadline: Moment | None
    requested_at: Moment
    closed_at: Moment | None
    items: list[ItemView]
    instead: list[InsteadView]
    refunds: list[RefundView]
    labels: list[ReturnLabelView]
    parcels: list[str] = Field(description="fulfillment orders of what is sent instead")


class ReturnPage(Answer):
    items: list[ReturnView]
    next_cursor: str | None = Field(description="null on the last page")


class Told(Answer):
    rma: str
    status: Literal["done", "accepted"] = Field(description="accepted: taken, and not done yet")
    state: State | None
    outcome: Outcome | None
