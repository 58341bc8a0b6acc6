"""Cancelling an order for its customer: possible until hand-over, parcel by parcel."""

from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.fields import Answer, Body, LongText
from api.problems import Kind, Problem
from api.updates import OK, Message, tell
from db.inbox.audit import Change
from db.inbox.idempotency import StoredAnswer
from db.inbox.remarks import Remark
from db.queries import received
from workflows.messages import CancelOrder, CancelResult, order_workflow_id


class CancelRequest(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "the customer changed their mind"}]}
    )
    reason: LongText = Field(description="kept for good: no personal data")


class Cancellation(Answer):
    order_id: str
    result: Literal["cancelled", "partly", "accepted"] = Field(
        description="partly: some parcels were handed over before; accepted: kept until it is done"
    )


async def cancel(once: Once, order_id: str, reason: str) -> JSONResponse:
    """Raises: Problem when there is no such order, or it is too late."""

    async def find(tx: AsyncConnection) -> Message | StoredAnswer:
        outcome = await end_of(tx, order_id)
        if outcome == "cancelled":  # said twice, it is as it was wished
            return StoredAnswer(OK, {"order_id": order_id, "result": "cancelled"})
        if outcome is not None:
            raise Problem(Kind.TOO_LATE, f"the order is closed: {outcome}", {"outcome": outcome})
        return Message(
            workflow_id=order_workflow_id(order_id),
            name="cancel",
            argument=CancelOrder(once.caller.actor),
            asked="OrderCancellationAsked",
            refused="OrderCancellationRefused",
            subject=order_id,
            change=Change(before={"outcome": None}, after={"outcome": "cancelled"}),
            remark=Remark(order_id, "cancelled", reason),
            until_done=True,
            result_type=CancelResult,
        )

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        said = result.result if done else "accepted"
        if said == "too_late":
            raise Problem(Kind.TOO_LATE, "every parcel was handed over, or the order is closed")
        return {"order_id": order_id, "result": said}

    return await tell(once, find, body)


async def end_of(tx: AsyncConnection, order_id: str) -> str | None:
    """The order's outcome, None while it is open. Raises: Problem for an order never heard of."""
    channel, _, external_id = order_id.partition("-")
    if await received.received_order(tx, channel, external_id) is None:
        raise Problem(Kind.NOT_FOUND, f"there is no order {order_id}")
    end = await received.placement_end(tx, channel, external_id)
    return end[0] if end else None
