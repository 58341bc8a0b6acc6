"""Reconciliation tasks as staff read and settle them."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.fields import Answer, Body, LongText, Moment

State = Literal["open", "resolved"]


class TaskView(Answer):
    """Our books and somebody else's differ, or something stands still."""

    task_id: int
    scope: str = Field(description="whose books: payments, labels, runs, or orders:CHANNEL")
    kind: str = Field(description="the rule that does not hold")
    subject: str
    detail: str
    ours: dict[str, Any] | None = Field(description="our side; null where we know nothing")
    theirs: dict[str, Any] | None = Field(description="the other side, likewise")
    state: State
    first_seen: Moment
    last_seen: Moment
    escalated_at: Moment | None
    resolution: Literal["vanished", "settled"] | None = Field(
        description="vanished: a later run saw no difference; settled: a person's word"
    )
    resolved_by: str | None
    resolved_at: Moment | None
    note: str | None


class TaskPage(Answer):
    items: list[TaskView]
    next_cursor: str | None = Field(description="null on the last page")


class NewSettlement(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "refunded by hand, agreed with the customer"}]}
    )
    note: LongText


class Settled(Answer):
    task_id: int
    status: Literal["resolved"]
