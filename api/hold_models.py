"""Holds as staff read, place and release them; the fraud assessment behind a review."""

from typing import Any, Final, Literal, get_args

from pydantic import ConfigDict, Field

from api.fields import Answer, Body, LongText, Moment, PlacedAt
from api.placement_models import EXAMPLE, NewAddress
from domain.holds import BY_HAND, HOLD_TYPES

HoldKind = Literal[
    "fraud_review", "payment_review", "address_problem", "customer_request", "grace_period",
    "preorder_date", "stock_shortage", "channel_hold",
]  # fmt: skip
PlaceableKind = Literal[
    "fraud_review",
    "payment_review",
    "address_problem",
    "customer_request",
    "stock_shortage",
    "channel_hold",
]
assert (get_args(HoldKind), get_args(PlaceableKind)) == (tuple(HOLD_TYPES), BY_HAND)
LARGEST_NUMBER: Final = 2**31 - 1


class HoldView(Answer):
    """What an order waits for, and what happens when nobody releases it by its deadline."""

    number: int
    kind: HoldKind
    blocks: list[str] = Field(description="routing, release, capture, shipping")
    owner: str = Field(description="the role that decides")
    state: Literal["open", "released", "expired", "closed"] = Field(
        description="closed: the order ended first"
    )
    deadline: Moment
    overdue: bool = Field(description="open, and past its deadline")
    on_expiry: Literal["release", "cancel", "escalate"]
    placed_by: str
    placed_at: Moment
    reason: str | None = Field(description="as the caller gave it; null for a rule's")
    ended_by: str | None
    ended_at: Moment | None
    release_reason: str | None


class HoldList(Answer):
    items: list[HoldView]


class NewHold(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "customer_request", "reason": "is away until Monday"}]
        }
    )
    kind: PlaceableKind
    reason: LongText = Field(description="kept with the order, erased with its customer")
    until: PlacedAt | None = Field(
        default=None, description="when it runs out; without it, when its kind says"
    )


class NewRelease(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "spoke to the buyer"}]})
    reason: LongText = Field(description="kept with the order, erased with its customer")


class NewCorrection(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"ship_to": EXAMPLE["ship_to"]}]})
    ship_to: NewAddress


class HoldAnswer(Answer):
    order_id: str
    number: int | None = Field(description="null while it is not placed yet")
    status: Literal["placed", "released", "accepted"]


class CorrectionAnswer(Answer):
    """undeliverable: the carrier does not know this address either, and the order still waits."""

    order_id: str
    status: Literal["deliverable", "undeliverable", "accepted"]


class AssessmentView(Answer):
    """Why an order got its score: facts without whose they are, and what each rule added."""

    order_id: str
    score: int = Field(description="0 to 100")
    review_from: int = Field(description="from this score on a person looks")
    facts: dict[str, Any]
    points: dict[str, int]
    scorer: str | None = Field(description="the external scorer whose opinion is among the facts")
    assessed_at: Moment
