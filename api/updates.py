"""Telling a run something, once, on behalf of a caller, with an audit row before it."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import ACCEPTED, Once
from api.fields import Answer
from api.messaging import update
from api.problems import Problem
from db.inbox import audit, cancellations, remarks
from db.inbox.cancellations import Asked
from db.inbox.idempotency import StoredAnswer
from db.inbox.remarks import Remark

OK: Final = 200


def taken(model: type[Answer]) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI lists the answer to a message that is taken and not done yet."""
    return {ACCEPTED: {"model": model, "description": "Taken, and not done yet: look again"}}


@dataclass(frozen=True)
class Message:
    """`asked`, `subject` and `change` make the audit row; `refused` that of a refusal.

    What the caller says in words is the `remark`: kept here, and not in Temporal. `until_done` is
    kept, too: a run that is lost before it did it does not take it along.
    """

    workflow_id: str
    name: str
    argument: Any
    asked: str
    refused: str
    subject: str
    change: audit.Change
    remark: Remark | None = None
    until_done: Asked | None = None
    result_type: type[Any] | None = None


async def tell(
    once: Once,
    find: Callable[[AsyncConnection], Awaitable[Message | StoredAnswer]],
    body: Callable[[bool, Any], dict[str, Any]],
) -> JSONResponse:
    """Answer 200 when it was done, 202 when it was taken; `body` is told which, and the result.

    `find` says whom to tell what, or the answer when nobody need be told. It is asked only for the
    first request with its key: a repeat hears the first answer, whatever has changed since.
    Raises: Problem.
    """

    async def prepare(tx: AsyncConnection) -> Message | StoredAnswer:
        found = await find(tx)
        if isinstance(found, Message):
            actor = once.caller.actor
            await audit.record(tx, actor, found.asked, found.subject, found.change)
            if found.remark is not None:
                await remarks.keep(tx, found.remark, actor)
            if found.until_done is not None:
                await cancellations.keep_asked(tx, found.until_done)
        return found

    async def send(found: Message | StoredAnswer) -> StoredAnswer:
        if isinstance(found, StoredAnswer):
            return found
        try:
            done, result = await _update(once, found)
            return StoredAnswer(OK if done else ACCEPTED, body(done, result))
        except Problem as problem:
            await _write_refusal(once, found, problem)
            raise

    return await once.answer(prepare, send)


async def _update(once: Once, message: Message) -> tuple[bool, Any]:
    return await update(
        once.context,
        message.workflow_id,
        message.name,
        message.argument,
        update_id=message.until_done.told_as if message.until_done else update_id(once),
        result_type=message.result_type,
    )


async def _write_refusal(once: Once, message: Message, problem: Problem) -> None:
    change = audit.Change(after={"code": str(problem.kind)})
    async with once.context.engine.begin() as tx:
        await audit.record(tx, once.caller.actor, message.refused, message.subject, change)
        if message.until_done is not None:
            await cancellations.end_asked(tx, message.until_done, str(problem.kind))


def update_id(once: Once) -> str | None:
    """The same request of the same caller is the same update."""
    if once.key is None:
        return None
    return hashlib.sha256(f"{once.caller.key_id}:{once.key}".encode()).hexdigest()[:32]
