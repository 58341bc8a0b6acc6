"""Stripe's JSON, only the fields we read. API version 2023-08-16.

Source: https://docs.stripe.com/api/payment_intents/object
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

API_VERSION: Final = "2023-08-16"


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class BoletoDetails(Wire):
    expires_at: int | None = None
    hosted_voucher_url: str | None = None


class NextAction(Wire):
    boleto_display_details: BoletoDetails | None = None


class LatestCharge(Wire):
    amount: int
    amount_captured: int = 0
    amount_refunded: int = 0


class PaymentIntent(Wire):
    id: str
    status: str
    amount: int
    amount_capturable: int = 0
    amount_received: int = 0
    currency: str
    created: int
    next_action: NextAction | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class ListedIntent(PaymentIntent):
    """As the list shows it with its charge expanded; None: nothing was charged or held yet."""

    latest_charge: LatestCharge | None = None


class IntentList(Wire):
    data: tuple[ListedIntent, ...]
    has_more: bool


class Refund(Wire):
    id: str
    amount: int
    currency: str
    # Null in the specification, yet set on every refund made by payment intent.
    payment_intent: str | None = None
    status: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class PaymentIntents(Wire):
    """One page of the list, newest first, its charges as ids."""

    data: tuple[PaymentIntent, ...]
    has_more: bool


class RefundList(Wire):
    data: tuple[Refund, ...]
    has_more: bool


class Charge(Wire):
    id: str
    amount_refunded: int
    currency: str
    payment_intent: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class EventData(Wire):
    object: dict[str, Any]


class Event(Wire):
    id: str
    type: str
    created: int
    data: EventData
