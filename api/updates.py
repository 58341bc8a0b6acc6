"""Telling a run something, once, on behalf of a caller, with an audit row before it."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic_core import to_jsonable_python
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import ACCEPTED, Again, Once
from api.fields import Answer
from api.messaging import update
from api.problems import Kind, Problem
from db.inbox import asked, audit, remarks
from db.inbox.asked import Asked
from db.inbox.idempotency import StoredAnswer
from db.inbox.remarks import Remark

OK: Final = 200
# Nobody was told, or nobody knows.
UNTOLD: Final = frozenset({Kind.UNAVAILABLE, Kind.NOT_STARTED})
TakeBack = Callable[[AsyncConnection, str], Awaitable[None]]


def taken(model: type[Answer]) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI lists the answer to a message that is taken and not done yet."""
    return {ACCEPTED: {"model": model, "description": "Taken, and not done yet: look again"}}


@dataclass(frozen=True)
class Message:
    """`asked`, `subject` and `change` make the audit row; `refused` that of a refusal.

    What the caller says in words is the `remark`: kept here, and not in Temporal. What is asked of
    an order is kept `until_done`, too: a run that is lost before it did it does not take it along.
    `told_as` is the update's id, if it has one of its own; `facts` are noted for a repeat of the
    request; `take_back` undoes, with the refusal's code, what was written for a run that is not
    told after all.
    """

    workflow_id: str
    name: str
    argument: Any
    asked: str
    refused: str
    subject: str
    change: audit.Change
    remark: Remark | None = None
    until_done: bool = False
    told_as: str | None = None
    facts: Mapping[str, Any] | None = None
    take_back: TakeBack | None = None
    result_type: type[Any] | None = None
    is_repeat: bool = False


async def tell(
    once: Once,
    find: Callable[[AsyncConnection], Awaitable[Message | StoredAnswer]],
    body: Callable[[bool, Any], dict[str, Any]],
    again: Again[Message | StoredAnswer | None] | None = None,
) -> JSONResponse:
    """Answer 200 when it was done, 202 when it was taken; `body` is told which, and the result.

    `find` says whom to tell what, or the answer when nobody need be told. It is asked only for the
    first request with its key: a repeat hears the first answer, whatever has changed since. `again`
    does the same for a repeat of what was taken, by the message's `facts`, and writes nothing; None
    when nothing is left of it, and it is asked anew. Raises: Problem.
    """

    one = update_id(once) or secrets.token_hex(16)

    async def prepare(tx: AsyncConnection) -> Message | StoredAnswer:
        found = await find(tx)
        if isinstance(found, Message):
            await _write(tx, once, found, one)
        return found

    async def prepare_again(tx: AsyncConnection, facts: dict[str, Any]) -> Message | StoredAnswer:
        found = await again(tx, facts) if again is not None else None
        if isinstance(found, Message):
            return replace(found, is_repeat=True)
        return await prepare(tx) if found is None else found

    async def send(found: Message | StoredAnswer) -> StoredAnswer:
        return found if isinstance(found, StoredAnswer) else await _send(once, found, one, body)

    return await once.answer(prepare, send, prepare_again)


async def _send(
    once: Once, message: Message, one: str, body: Callable[[bool, Any], dict[str, Any]]
) -> StoredAnswer:
    """Raises: Problem, with what was written for the message taken back."""
    is_told = False
    try:
        done, result = await _update(once, message, one)
        is_told = True
        return StoredAnswer(OK if done else ACCEPTED, body(done, result))
    except Problem as problem:
        if message.is_repeat and not is_told and problem.kind in UNTOLD:
            # It was taken before, and is kept until it is done: who asks again takes nothing back.
            return StoredAnswer(ACCEPTED, body(False, None))  # noqa: FBT003 - called by position
        await _write_refusal(once, message, one, str(problem.kind), is_told=is_told)
        raise


async def _write(tx: AsyncConnection, once: Once, message: Message, one: str) -> None:
    """Keep what is asked, who asks it and in which words, before anybody is told."""
    actor = once.caller.actor
    await audit.record(tx, actor, message.asked, message.subject, message.change)
    if message.remark is not None:
        await remarks.keep(tx, message.remark, actor)
    if message.until_done:
        await asked.keep(tx, _asked(once, message, one))
    if message.facts is not None:
        await once.note(tx, message.facts)


async def _update(once: Once, message: Message, one: str) -> tuple[bool, Any]:
    return await update(
        once.context,
        message.workflow_id,
        message.name,
        message.argument,
        update_id=message.told_as or one,
        result_type=message.result_type,
    )


async def _write_refusal(
    once: Once, message: Message, one: str, code: str, *, is_told: bool
) -> None:
    async with once.context.engine.begin() as tx:
        change = audit.Change(after={"code": code})
        await audit.record(tx, once.caller.actor, message.refused, message.subject, change)
        if message.take_back is not None:
            await message.take_back(tx, code)
        if message.until_done:
            await asked.refuse(tx, _asked(once, message, one), code)
        if message.facts is not None and not is_told:
            await once.note(tx, None)


def _asked(once: Once, message: Message, one: str) -> Asked:
    return Asked(
        order_id=message.subject,
        actor=once.caller.actor,
        told_as=message.told_as or one,
        update=message.name,
        argument=to_jsonable_python(message.argument),
    )


def update_id(once: Once) -> str | None:
    """The same request of the same caller is the same update."""
    if once.key is None:
        return None
    return hashlib.sha256(f"{once.caller.key_id}:{once.key}".encode()).hexdigest()[:32]
