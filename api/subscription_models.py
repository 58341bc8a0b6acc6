"""Subscriptions and dead letters as merchants send and read them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.fields import Answer, Body, Moment, PlacedAt
from domain.events import OrderEvent
from domain.subscriptions import LONGEST_URL

EventFilter = Annotated[
    list[Literal["*"] | OrderEvent],
    Field(min_length=1, max_length=100, description="`*` alone is every event"),
]
Url = Annotated[
    str,
    Field(max_length=LONGEST_URL, description="https, at a public address; redirects are failures"),
]


class SubscriptionView(Answer):
    """Who is told of which events. Disabled, it is told nothing, and what waits goes on waiting."""

    subscription_id: str
    url: str
    events: list[str]
    enabled: bool
    created_at: Moment


class SubscriptionPage(Answer):
    items: list[SubscriptionView]
    next_cursor: str | None = Field(description="null on the last page")


class NewSubscription(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"url": "https://erp.example.com/orders", "events": ["OrderConfirmed", "Delivered"]}
            ]
        }
    )
    url: Url
    events: EventFilter
    enabled: bool = True


class SubscriptionChange(Body):
    """What is not named stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})
    url: Url | None = None
    events: EventFilter | None = None
    enabled: bool | None = None


class CreatedSubscription(SubscriptionView):
    secret: str = Field(description="`whsec_…`, signs what is sent; it is not shown again")


class RotatedSecret(Answer):
    subscription_id: str
    secret: str = Field(description="it is not shown again")
    previous_valid_until: Moment = Field(description="until then both secrets sign")


class DeletedSubscription(Answer):
    subscription_id: str
    status: Literal["deleted"] = "deleted"


class ReplayFrom(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-11-22T10:00:00Z"}]})
    since: PlacedAt


class Replayed(Answer):
    subscription_id: str
    events: int = Field(description="how many will be told again, or for the first time")


class DeadLetter(Answer):
    """What was given up: after about three days of attempts, or at once when a person is needed."""

    dead_letter_id: int
    kind: Literal["email", "channel_fulfillment", "webhook", "document"]
    order_id: str | None
    subscription_id: str | None = Field(description="of a webhook")
    sequence: int | None = Field(description="of a webhook's event in its order")
    type: str | None = Field(description="of a webhook's event")
    attempts: int
    last_error: str
    created_at: Moment
    dead_at: Moment


class DeadLetterPage(Answer):
    items: list[DeadLetter]
    total: int = Field(description="on all pages")
    next_cursor: str | None = Field(description="null on the last page")


class ReplayedLetter(Answer):
    dead_letter_id: int
    status: Literal["waiting"] = "waiting"
