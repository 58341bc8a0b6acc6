"""Exceptions: what waits for a person, and the person's decision."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import ExceptionsReader, ExceptionsWriter
from api.context import Ctx
from api.exception_models import ExceptionPage, ExceptionView, NewResolution, Resolved
from api.fields import ExceptionId, IdempotencyKey, ListQuery
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented
from api.updates import Message, taken, tell
from db.inbox.audit import Change
from db.inbox.remarks import Remark
from db.queries import exceptions
from workflows.messages import ResolveException

router: Final = APIRouter(tags=["exceptions"])


class ExceptionsQuery(ListQuery):
    state: Literal["open", "resolved"] | None = None
    overdue: bool | None = Field(default=None, description="open, and past its deadline")


@router.get("/exceptions", response_model=ExceptionPage, responses=documented(Kind.INVALID_CURSOR))
async def list_exceptions(
    query: Annotated[ExceptionsQuery, Query()], context: Ctx, _: ExceptionsReader
) -> dict[str, Any]:
    """List exceptions, most urgent first. Scope: `exceptions:read`."""
    mark = fingerprint("exceptions", [query.state, query.overdue])
    after = decode(query.cursor, mark, lambda at, key: exceptions.After(moment(at), key))
    async with context.engine.connect() as connection:
        found = await exceptions.list_exceptions(
            connection,
            query.state,
            overdue=query.overdue,
            after=after,
            limit=query.limit + 1,
        )
    return vars(page_of(found, query.limit, mark, lambda e: (e["deadline"], e["exception_id"])))


@router.get(
    "/exceptions/{exception_id}",
    response_model=ExceptionView,
    responses=documented(Kind.NOT_FOUND),
)
async def get_exception(
    exception_id: ExceptionId, context: Ctx, _: ExceptionsReader
) -> dict[str, Any]:
    """Read one exception. Scope: `exceptions:read`."""
    async with context.engine.connect() as connection:
        return await _find(connection, exception_id)


async def _find(connection: AsyncConnection, exception_id: str) -> dict[str, Any]:
    found = await exceptions.get_exception(connection, exception_id)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"there is no exception {exception_id}")
    return found


@router.post(
    "/exceptions/{exception_id}/resolve",
    response_model=Resolved,
    responses={
        **taken(Resolved),
        **documented(Kind.NOT_FOUND, Kind.UNKNOWN_EXCEPTION, Kind.WRONG_STATE, Kind.NOT_PERMITTED),
    },
)
async def resolve_exception(
    exception_id: ExceptionId,
    decision: NewResolution,
    context: Ctx,
    caller: ExceptionsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Decide what becomes of the step that waits. Scope: `exceptions:write`."""
    what = [f"POST /exceptions/{exception_id}/resolve", decision.model_dump()]
    once = Once(context, caller, idempotency_key, what)

    async def find(tx: AsyncConnection) -> Message:
        waiting = await _find(tx, exception_id)
        _check(waiting, decision)
        return _message(once, waiting, decision)

    return await tell(once, find, _body(exception_id))


def _check(waiting: dict[str, Any], decision: NewResolution) -> None:
    if waiting["state"] != "open":
        detail = f"resolved before: {waiting['resolution']} by {waiting['resolved_by']}"
        raise Problem(Kind.WRONG_STATE, detail)
    if decision.resolution not in waiting["resolutions"]:
        permitted = ", ".join(waiting["resolutions"])
        raise Problem(Kind.NOT_PERMITTED, f"permitted are: {permitted}")


def _message(once: Once, waiting: dict[str, Any], decision: NewResolution) -> Message:
    argument = ResolveException(
        exception_id=waiting["exception_id"],
        resolution=decision.resolution,
        actor=once.caller.actor,
    )
    return Message(
        workflow_id=waiting["workflow_id"],
        name="resolve_exception",
        argument=argument,
        asked="ExceptionResolutionAsked",
        refused="ExceptionResolutionRefused",
        subject=waiting["exception_id"],
        change=Change(
            before={"state": waiting["state"]},
            after={"state": "resolved", "resolution": decision.resolution},
        ),
        remark=Remark(waiting["exception_id"], "note", decision.note) if decision.note else None,
    )


def _body(exception_id: str) -> Any:
    def body(is_done: bool, _: object) -> dict[str, Any]:  # noqa: FBT001 - called by position
        status = "resolved" if is_done else "accepted"
        return {"exception_id": exception_id, "status": status}

    return body
