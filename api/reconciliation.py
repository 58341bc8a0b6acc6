"""Reconciliation tasks: the differences that were found, and a person's word about each."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import ExceptionsReader, ExceptionsWriter
from api.context import Ctx
from api.fields import IdempotencyKey, ListQuery, ShortText
from api.pagination import decode, fingerprint, page_of
from api.problems import Kind, Problem, documented
from api.reconciliation_models import NewSettlement, Settled, State, TaskPage, TaskView
from db.inbox import audit
from db.inbox import reconciliation as inbox
from db.inbox.idempotency import StoredAnswer
from db.queries import reconciliation
from db.queries.reconciliation import TaskFilter

router: Final = APIRouter(tags=["reconciliation"])
LARGEST_ID: Final = 2**63 - 1
SETTLED: Final = audit.Change({"state": "open"}, {"state": "resolved"})
TaskId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class TasksQuery(ListQuery):
    state: State | None = None
    scope: ShortText | None = Field(
        default=None, description="payments, labels, runs, or orders:CHANNEL"
    )
    kind: ShortText | None = None


@router.get(
    "/reconciliation-tasks",
    response_model=TaskPage,
    responses=documented(Kind.INVALID_CURSOR),
)
async def list_reconciliation_tasks(
    query: Annotated[TasksQuery, Query()], context: Ctx, _: ExceptionsReader
) -> dict[str, Any]:
    """List reconciliation tasks, oldest first. Scope: `exceptions:read`."""
    wanted = TaskFilter(query.state, query.scope, query.kind)
    mark = fingerprint("reconciliation-tasks", vars(wanted))
    after = decode(query.cursor, mark, _task_id)
    async with context.engine.connect() as connection:
        found = await reconciliation.list_tasks(
            connection, wanted, after=after, limit=query.limit + 1
        )
    return vars(page_of(found, query.limit, mark, lambda task: (str(task["task_id"]),)))


def _task_id(text: str) -> int:
    """Raises: ValueError."""
    if not 0 < (task_id := int(text)) <= LARGEST_ID:
        raise ValueError("no task's id")
    return task_id


@router.get(
    "/reconciliation-tasks/{task_id}",
    response_model=TaskView,
    responses=documented(Kind.NOT_FOUND),
)
async def get_reconciliation_task(
    task_id: TaskId, context: Ctx, _: ExceptionsReader
) -> dict[str, Any]:
    """Read one reconciliation task with both sides. Scope: `exceptions:read`."""
    async with context.engine.connect() as connection:
        found = await reconciliation.get_task(connection, task_id)
    if found is None:
        raise _unknown(task_id)
    return found


def _unknown(task_id: int) -> Problem:
    return Problem(Kind.NOT_FOUND, f"there is no reconciliation task {task_id}")


@router.post(
    "/reconciliation-tasks/{task_id}/resolve",
    response_model=Settled,
    responses=documented(Kind.NOT_FOUND, Kind.WRONG_STATE),
)
async def resolve_reconciliation_task(
    task_id: TaskId,
    decision: NewSettlement,
    context: Ctx,
    caller: ExceptionsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Close a task by your word: it comes again only if a side changes. Scope: `exceptions:write`.

    Nothing is repaired by this. A difference that was mended closes its task by itself.
    """
    what = [f"POST /reconciliation-tasks/{task_id}/resolve", decision.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    return await _settle(once, task_id, decision.note)


async def _settle(once: Once, task_id: int, note: str) -> JSONResponse:
    actor = once.caller.actor

    async def write(tx: AsyncConnection) -> None:
        if not await inbox.settle(tx, task_id, actor, note):
            if await reconciliation.get_task(tx, task_id) is None:
                raise _unknown(task_id)
            raise Problem(Kind.WRONG_STATE, "resolved before")
        await audit.record(tx, actor, "ReconciliationTaskResolved", str(task_id), SETTLED)

    async def answer(_: None) -> StoredAnswer:
        return StoredAnswer(200, {"task_id": task_id, "status": "resolved"})

    return await once.answer(write, answer)
