"""The canonical order document as `POST /orders` takes it, and what it answers."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from api.fields import (
    Answer,
    Body,
    ChannelCode,
    Country,
    Currency,
    Email,
    ExternalId,
    PlacedAt,
    PostalCode,
    ShortText,
    Sku,
    Text,
)
from domain.order import LARGEST_AMOUNT_MINOR, LARGEST_QUANTITY, MOST_LINES, MOST_TENDERS

_LARGEST_PRICE: Final = 10**11
Price = Annotated[int, Field(ge=0, le=_LARGEST_PRICE, description="minor units")]
EXAMPLE: Final[dict[str, Any]] = {
    "channel": "shop",
    "external_id": "1001",
    "placed_at": "2026-11-22T10:00:00Z",
    "currency": "USD",
    "locale": "en",
    "customer": {"name": "Ada Example", "email": "ada@example.com", "phone": None},
    "ship_to": {
        "name": "Ada Example",
        "line1": "1 Main Street",
        "line2": None,
        "city": "Springfield",
        "region": "IL",
        "postal_code": "62701",
        "country": "US",
    },
    "lines": [{"sku": "A-1", "quantity": 2, "unit_price_minor": 1000, "tax_minor": 0}],
    "charges": [{"kind": "shipping", "amount_minor": 500}],
    "tenders": [{"kind": "card", "amount_minor": 2500, "reference": "pm_card_visa"}],
}


class NewCustomer(Body):
    name: Text
    email: Email
    phone: ShortText | None = None
    country: Country | None = Field(
        default=None, description="where the customer is billed: ISO 3166-1 alpha-2"
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a country it is the document it always was: the same order has the same hash."""
        written: dict[str, Any] = write(self)
        return {k: v for k, v in written.items() if k != "country" or v is not None}


class NewAddress(Body):
    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    region: Text | None = None
    postal_code: PostalCode
    country: Country
    phone: ShortText | None = None
    latitude: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)


class NewLine(Body):
    """Its total is quantity * unit price + tax - discount."""

    sku: Sku
    quantity: int = Field(ge=1, le=LARGEST_QUANTITY)
    unit_price_minor: Price
    tax_minor: Price = 0
    discount_minor: Price = 0
    external_line_id: Text | None = None


class NewCharge(Body):
    kind: Literal["shipping", "tax", "financing", "discount", "other"]
    amount_minor: int = Field(
        ge=-_LARGEST_PRICE, le=_LARGEST_PRICE, description="minor units; negative for a discount"
    )


class NewTender(Body):
    kind: Literal["card", "bank_slip", "debit", "store_credit", "manual"]
    amount_minor: int = Field(ge=1, le=LARGEST_AMOUNT_MINOR, description="minor units")
    reference: Text = Field(
        description="card, debit, bank slip: a payment method of the payment vendor; "
        "store credit: its code; manual: free text"
    )


class NewOrder(Body):
    """Lines and charges sum to the tenders exactly."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    channel: ChannelCode
    external_id: ExternalId
    placed_at: PlacedAt
    currency: Currency
    locale: ShortText | None = None
    customer: NewCustomer
    delivery: Literal["carrier", "pickup"] | None = Field(
        default=None, description="pickup: the customer collects it at `pickup_location`"
    )
    pickup_location: ShortText | None = Field(
        default=None, description="a location of the channel that has the capability `pickup`"
    )
    ship_to: NewAddress
    lines: list[NewLine] = Field(min_length=1, max_length=MOST_LINES)
    charges: list[NewCharge] = Field(default=[], max_length=MOST_LINES)
    tenders: list[NewTender] = Field(default=[], max_length=MOST_TENDERS)

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is sent is the document it always was: the same order has the same hash."""
        written: dict[str, Any] = write(self)
        later = ("delivery", "pickup_location")
        return {k: v for k, v in written.items() if k not in later or v is not None}


class PlacementLinks(Answer):
    self: str


class Placement(Answer):
    """admitted: paid or authorized; awaiting_payment: a bank slip was issued; accepted: it is kept
    safely, and will be decided on: look at the order.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order_id": "shop-1001",
                    "status": "admitted",
                    "links": {"self": "/orders/shop-1001"},
                }
            ]
        }
    )
    order_id: str
    status: Literal["admitted", "awaiting_payment", "accepted"]
    links: PlacementLinks
