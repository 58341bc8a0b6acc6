"""Exceptions as staff read and resolve them."""

from typing import Literal

from pydantic import ConfigDict, Field

from api.fields import Answer, Body, LongText, Moment

Resolution = Literal["retry", "skip", "compensate", "override", "reship"]


class ExceptionView(Answer):
    """Something waits for a person, until a deadline."""

    exception_id: str
    order_id: str
    fulfillment_id: str | None
    step: str
    reason: str
    detail: str
    owner: str
    state: Literal["open", "resolved"]
    opened_at: Moment
    deadline: Moment
    overdue: bool = Field(description="open, and past its deadline")
    escalated_at: Moment | None = Field(description="when its owner was last written to")
    resolutions: list[str] = Field(description="what is permitted")
    resolution: str | None
    resolved_by: str | None
    resolved_at: Moment | None
    note: str | None


class ExceptionPage(Answer):
    items: list[ExceptionView]
    next_cursor: str | None = Field(description="null on the last page")


class NewResolution(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"resolution": "retry", "note": "the carrier is back"}]}
    )
    resolution: Resolution
    note: LongText | None = Field(default=None, description="kept for good: no personal data")


class Resolved(Answer):
    exception_id: str
    status: Literal["resolved", "accepted"]
