"""Asking for parcels back that have left, as a message to the order's run."""

from typing import Any

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.cancelling import end_of
from api.problems import Kind, Problem
from api.updates import Message, tell
from db.inbox.audit import Change
from db.inbox.remarks import Remark
from workflows.messages import AskedBack, InterceptOrder, order_workflow_id


async def intercept(once: Once, order_id: str, reason: str) -> JSONResponse:
    """Raises: Problem when no parcel is in a carrier's hands."""

    async def find(tx: AsyncConnection) -> Message:
        outcome = await end_of(tx, order_id)
        if outcome is not None:
            raise Problem(Kind.TOO_LATE, f"the order is closed: {outcome}", {"outcome": outcome})
        return Message(
            workflow_id=order_workflow_id(order_id),
            name="intercept",
            argument=InterceptOrder(once.caller.actor),
            asked="InterceptAsked",
            refused="InterceptRefused",
            subject=order_id,
            change=Change(before={"intercepted": False}, after={"intercepted": True}),
            remark=Remark(order_id, "intercept", reason),
            until_done=True,
            result_type=AskedBack,
        )

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        numbers = list(result.numbers) if done else []
        if done and not numbers:
            raise Problem(Kind.WRONG_STATE, "no parcel is in a carrier's hands")
        status = "asked" if done else "accepted"
        return {"order_id": order_id, "status": status, "numbers": numbers}

    return await tell(once, find, body)
