"""Telling a run something, once, on behalf of a caller, with an audit row before it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import ACCEPTED, Once
from api.fields import Answer
from api.messaging import update
from db.inbox import audit, remarks
from db.inbox.idempotency import StoredAnswer
from db.inbox.remarks import Remark

_OK: Final = 200


def taken(model: type[Answer]) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI lists the answer to a message that is taken and not done yet."""
    return {ACCEPTED: {"model": model, "description": "Taken, and not done yet: look again"}}


@dataclass(frozen=True)
class Message:
    """`action`, `subject` and `audited` make the audit row: no personal data.

    What the caller says in words is the `remark`: kept here, and not in Temporal.
    """

    workflow_id: str
    name: str
    argument: Any
    action: str
    subject: str
    audited: dict[str, Any] = field(default_factory=dict)
    remark: Remark | None = None
    result_type: type[Any] | None = None


async def tell(
    once: Once, message: Message, body: Callable[[bool, Any], dict[str, Any]]
) -> JSONResponse:
    """Answer 200 when it was done, 202 when it was taken; `body` is told which, and the result.

    Raises: Problem.
    """

    async def write_down(tx: AsyncConnection) -> None:
        actor = once.caller.actor
        await audit.record(tx, actor, message.action, message.subject, message.audited)
        if message.remark is not None:
            await remarks.keep(tx, message.remark, actor)

    async def send(_: None) -> StoredAnswer:
        done, result = await update(
            once.context,
            message.workflow_id,
            message.name,
            message.argument,
            update_id=_update_id(once),
            result_type=message.result_type,
        )
        return StoredAnswer(_OK if done else ACCEPTED, body(done, result))

    return await once.answer(write_down, send)


def _update_id(once: Once) -> str | None:
    """The same request of the same caller is the same update."""
    if once.key is None:
        return None
    return hashlib.sha256(f"{once.caller.key_id}:{once.key}".encode()).hexdigest()[:32]
