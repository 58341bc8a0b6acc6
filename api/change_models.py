"""Changes of placed orders, as callers wish for them and read them."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.fields import Answer, Body, LongText, Minor, Moment, ShortText, Sku
from api.placement_models import EXAMPLE, NewAddress
from domain.changing import Wish
from domain.order import LARGEST_QUANTITY

MOST_WISHES: Final = 100
LARGEST_PRICE_MINOR: Final = 10**11
HIGHEST_PRIORITY: Final = 1_000
LARGEST_NUMBER: Final = 2**31 - 1

LineNo = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Quantity = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)]
Price = Annotated[int, Field(ge=0, le=LARGEST_PRICE_MINOR, description="minor units")]


class SetQuantity(Body):
    """More units become a line of their own, at the line's price and tax."""

    kind: Literal["set_quantity"]
    line_no: LineNo
    quantity: int = Field(ge=0, le=LARGEST_QUANTITY, description="of what is not cancelled")

    def wish(self) -> Wish:
        return Wish(self.kind, self.line_no, self.quantity)


class CancelUnits(Body):
    kind: Literal["cancel_units"]
    line_no: LineNo
    quantity: Quantity

    def wish(self) -> Wish:
        return Wish(self.kind, self.line_no, self.quantity)


class CancelLine(Body):
    """All units that are left of it."""

    kind: Literal["cancel_line"]
    line_no: LineNo

    def wish(self) -> Wish:
        return Wish("set_quantity", self.line_no, 0)


class AddLine(Body):
    kind: Literal["add_line"]
    sku: Sku
    quantity: Quantity
    unit_price_minor: Price
    tax_minor: Price = 0

    def wish(self) -> Wish:
        return Wish(self.kind, 0, self.quantity, self.sku, self.unit_price_minor, self.tax_minor)


class LowerPrice(Body):
    """All units of the line together cost less from now on: a discount that is given later."""

    kind: Literal["lower_price"]
    line_no: LineNo
    amount_minor: int = Field(
        ge=1, le=LARGEST_PRICE_MINOR, description="how much less, its tax included; minor units"
    )

    def wish(self) -> Wish:
        return Wish(self.kind, self.line_no, amount_minor=self.amount_minor)


class SetPriority(Body):
    """Who has a higher one gets stock that comes in first."""

    kind: Literal["set_priority"]
    priority: int = Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY)

    def wish(self) -> Wish:
        return Wish(self.kind, priority=self.priority)


AnyWish = Annotated[
    SetQuantity | CancelUnits | CancelLine | AddLine | LowerPrice | SetPriority,
    Field(discriminator="kind"),
]


class NewChange(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 8,
                    "dry_run": True,
                    "changes": [
                        {"kind": "set_quantity", "line_no": 1, "quantity": 1},
                        {"kind": "add_line", "sku": "MUG", "quantity": 1, "unit_price_minor": 900},
                    ],
                }
            ]
        }
    )
    version: int = Field(ge=0, le=LARGEST_NUMBER, description="of the order that the caller saw")
    dry_run: bool = Field(default=False, description="only say what it would do")
    changes: list[AnyWish] = Field(min_length=1, max_length=MOST_WISHES)


class StockNeeded(Answer):
    sku: str
    wanted: int
    free: int = Field(description="units that nobody holds; fewer than wanted refuse the change")


class ChangeAnswer(Answer):
    order_id: str
    version: int = Field(description="of the order, when it was asked")
    number: int | None = Field(description="null in a preview")
    state: Literal["previewed", "accepted", "applied"] = Field(
        description="accepted: made as soon as the order has parcels"
    )
    currency: str
    total_minor: Minor = Field(description="of the order, before the change")
    refund_minor: Minor = Field(description="not charged, or given back when the order closes")
    charge_minor: Minor = Field(description="authorized before the added units are picked")
    stock: list[StockNeeded]


class ChangeView(Answer):
    number: int
    state: Literal["confirmed", "applied", "refused", "dropped"] = Field(
        description="dropped: the order ended first"
    )
    code: str | None = Field(description="why it was refused")
    refund_minor: Minor
    charge_minor: Minor
    asked_by: str
    asked_at: Moment
    ended_at: Moment | None


class ChangeList(Answer):
    items: list[ChangeView]


class NewIntercept(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "ordered by mistake"}]})
    reason: LongText = Field(description="kept with the order, erased with its customer")


class InterceptAnswer(Answer):
    order_id: str
    status: Literal["asked", "accepted"] = Field(description="accepted: not done yet")
    numbers: list[int] = Field(description="parcels that the carrier is asked to bring back")


class NewDestination(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 8, "ship_to": EXAMPLE["ship_to"]}]}
    )
    version: int = Field(ge=0, le=LARGEST_NUMBER, description="of the order that the caller saw")
    ship_to: NewAddress


class NewDelivery(Body):
    """Collected at `pickup_location`, or sent to `ship_to`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": 3, "delivery": "pickup", "pickup_location": "CORNER"}]
        }
    )
    version: int = Field(ge=0, le=LARGEST_NUMBER, description="of the order that the caller saw")
    delivery: Literal["carrier", "pickup"]
    pickup_location: ShortText | None = Field(
        default=None, description="for a pickup: a location that has the capability `pickup`"
    )
    ship_to: NewAddress | None = Field(default=None, description="for a carrier")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        is_pickup = self.delivery == "pickup"
        if (self.pickup_location is not None, self.ship_to is not None) != (
            is_pickup,
            not is_pickup,
        ):
            raise ValueError("a pickup names its pickup_location, a carrier its ship_to")
        return self


class DeliveryAnswer(Answer):
    order_id: str
    status: Literal["changed", "accepted"] = Field(description="accepted: not verified yet")
    delivery: Literal["carrier", "pickup"]


class AddressAnswer(Answer):
    order_id: str
    status: Literal["changed", "accepted"] = Field(description="accepted: not verified yet")
