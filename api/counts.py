"""Tasks to count what a short pick put in doubt: listed, and ended by what was counted."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import FulfillmentsWriter, StockReader
from api.context import Ctx
from api.fields import Answer, Body, IdempotencyKey, ListQuery, Moment
from api.pagination import LARGEST_ROW_NUMBER, decode, fingerprint, page_of, row_number
from api.problems import Kind, Problem, documented
from db.inbox import audit
from db.inbox import counts as kept
from db.queries import counts

router: Final = APIRouter(tags=["stock"])
TaskId = Annotated[int, Path(ge=1, le=LARGEST_ROW_NUMBER)]
# More than any location holds of one SKU.
MOST_UNITS: Final = 10_000_000
_WRITES: Final = (
    Kind.NOT_FOUND, Kind.WRONG_STATE, Kind.STILL_IN_PROGRESS, Kind.INVALID_REQUEST,
    Kind.IDEMPOTENCY_KEY_REUSED,
)  # fmt: skip


class CountTaskView(Answer):
    count_task_id: int
    location: str
    sku: str
    state: Literal["open", "counted"]
    reason: str
    fulfillment_id: str | None = Field(description="whose short pick asked for it first")
    counted: int | None
    counted_by: str | None
    opened_at: Moment
    counted_at: Moment | None


class CountTaskPage(Answer):
    items: list[CountTaskView]
    next_cursor: str | None = Field(description="null on the last page")


class CountTasksQuery(ListQuery):
    state: Literal["open", "counted"] | None = None


class Counted(Body):
    quantity: int = Field(
        ge=0, le=MOST_UNITS, strict=True,
        description="every unit in the location, those picked and not handed over included",
    )  # fmt: skip


@router.get("/count-tasks", response_model=CountTaskPage, responses=documented(Kind.INVALID_CURSOR))
async def list_count_tasks(
    query: Annotated[CountTasksQuery, Query()], context: Ctx, _: StockReader
) -> dict[str, Any]:
    """List what is to be counted, oldest first. Scope: `stock:read`."""
    mark = fingerprint("count-tasks", query.state)
    after = decode(query.cursor, mark, row_number)
    async with context.engine.connect() as tx:
        found = await counts.list_tasks(tx, query.state, after=after, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda each: [str(each["count_task_id"])]))


@router.post(
    "/count-tasks/{count_task_id}/counted", response_model=CountTaskView,
    responses=documented(*_WRITES),
)  # fmt: skip
async def count(
    count_task_id: TaskId,
    told: Counted,
    context: Ctx,
    caller: FulfillmentsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Correct the books by what was counted. Scope: `fulfillments:write`."""
    what = [f"POST /count-tasks/{count_task_id}/counted", told.model_dump()]
    once = Once(context, caller, idempotency_key, what)

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        task = _permitted(count_task_id, await kept.locked(tx, count_task_id), told.quantity)
        await kept.counted(tx, task, told.quantity, caller.actor)
        change = audit.Change({"on_hand": task.on_hand}, {"on_hand": told.quantity})
        await audit.record(tx, caller.actor, "StockCounted", str(count_task_id), change)
        return await _found(tx, count_task_id)

    return await once.written(write)


def _permitted(task_id: int, task: Any | None, quantity: int) -> Any:
    """Return the task, which may be ended so. Raises: Problem."""
    if task is None:
        raise Problem(Kind.NOT_FOUND, f"there is no count task {task_id}")
    if task.state != "open":
        raise Problem(Kind.WRONG_STATE, f"counted before: {task.counted}")
    if quantity < task.least:
        detail = f"orders hold {task.least}: report what their parcels lack first"
        raise Problem(Kind.WRONG_STATE, detail)
    return task


async def _found(tx: AsyncConnection, task_id: int) -> dict[str, Any]:
    found = await counts.get_task(tx, task_id)
    assert found is not None
    return CountTaskView.model_validate(found).model_dump(mode="json")
