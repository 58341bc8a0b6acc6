"""Orders as the API shows them: in a list, and one with all its parts and its story."""

from typing import Annotated, Any, Literal

from pydantic import Field

from api.exception_models import ExceptionView
from api.fields import Answer, Minor, Moment
from api.fulfillment_models import FulfillmentView
from api.hold_models import HoldView
from db.queries.finding import Match
from domain.axes import FulfillmentAxis, PaymentAxis, ReturnAxis


class AxesView(Answer):
    """Derived from the order's parts, never set by hand."""

    payment: PaymentAxis
    fulfillment: FulfillmentAxis
    return_: ReturnAxis = Field(validation_alias="returned", serialization_alias="return")


class NextStepView(Answer):
    """What is waited for: of the order itself, or of the fulfillment or exception `of`."""

    of: str
    step: str
    deadline: Moment


class OrderItemView(Answer):
    order_id: str
    channel: str
    external_id: str
    total_minor: Minor
    currency: str
    placed_at: Moment
    outcome: str | None = Field(description="null while the order is open")
    axes: AxesView
    next_step: str | None
    next_deadline: Moment | None
    next: NextStepView | None


class OrderPage(Answer):
    items: list[OrderItemView]
    next_cursor: str | None = Field(description="null on the last page")
    match: Match | None = Field(
        description="how `q` was taken, by its loosest word: as a whole word, as the beginning of "
        "longer ones, as a misspelling of similar ones; nothing: one is not known at all"
    )


class MoneyView(Answer):
    """Sums over all tenders."""

    total_minor: Minor
    authorized_minor: Annotated[int, Field(description="held, or taken since")]
    pending_minor: Annotated[int, Field(description="bank slips not paid yet")]
    captured_minor: Minor
    refunded_minor: Minor


class CustomerView(Answer):
    name: str
    email: str
    phone: str | None


class LineView(Answer):
    line_no: int
    sku: str
    quantity: int
    open: int = Field(description="neither cancelled nor shipped")
    cancelled: int
    shipped: int
    unit_price_minor: Minor
    tax_minor: Minor
    discount_minor: Minor
    external_line_id: str | None


class ChargeView(Answer):
    charge_no: int
    kind: str
    amount_minor: Minor


class AuthorizationView(Answer):
    authorization_key: str
    vendor: str
    vendor_ref: str
    state: str
    amount_minor: Minor
    captured_minor: Minor
    refunded_minor: Minor
    expires_at: Moment | None
    voucher_url: str | None


class TenderView(Answer):
    tender_no: int
    kind: str
    amount_minor: Minor
    lowered_minor: Minor = Field(description="what it pays less, since prices were lowered")
    currency: str
    reference: str = Field(description="of a store credit the last four characters only")
    authorizations: list[AuthorizationView]


class PromiseView(Answer):
    """The delivery window given to the customer."""

    earliest: Moment
    latest: Moment


class EventView(Answer):
    kind: Literal["event"] = "event"
    sequence: int
    at: Moment
    actor: str
    event: str
    fulfillment_id: str | None
    data: dict[str, Any]


class NextView(NextStepView):
    """Ends the timeline of an open order."""

    kind: Literal["next"] = "next"


class OrderView(Answer):
    order_id: str
    channel: str
    external_id: str
    version: int
    currency: str
    locale: str
    placed_at: Moment
    admitted_at: Moment
    closed_at: Moment | None
    outcome: str | None = Field(description="null while the order is open")
    outcome_reason: str | None
    axes: AxesView
    money: MoneyView
    customer: CustomerView
    ship_to: dict[str, Any]
    address_verified: bool
    pickup_location: str | None = Field(description="where it is collected; null: it is sent")
    promise: PromiseView | None
    lines: list[LineView]
    charges: list[ChargeView]
    tenders: list[TenderView]
    shipments: list[FulfillmentView]
    exceptions: list[ExceptionView]
    holds: list[HoldView]
    timeline: list[Annotated[EventView | NextView, Field(discriminator="kind")]]


class ReceivedView(Answer):
    """An order that is kept and not admitted: still to be decided on, or rejected as unreadable."""

    order_id: str
    channel: str
    external_id: str
    received_at: Moment
    outcome: Literal["rejected_input"] | None
    outcome_reason: str | None
    next: NextStepView | None
