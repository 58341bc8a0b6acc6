"""The empty twin: a run that commands what its script says, with bodies that return at once.

It measures what Temporal and its SDK cost for a story of this shape, whatever the story does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from temporalio import activity, workflow

from workers.local.bench import script
from workers.local.bench.script import Script, Step
from workflows import search

# As the product's own steps: workflows/steps/call.py.
LOCAL_TIMEOUT: Final = timedelta(seconds=3)
ATTEMPT: Final = timedelta(seconds=45)
# Under which the twins are found, and told from orders.
CHANNEL: Final = "twin"
TWIN: Final = "BenchTwin"


@dataclass(frozen=True)
class Part:
    """What one run plays, and its children's parts."""

    steps: tuple[Step, ...]
    children: "tuple[Part, ...]" = field(default=())


def part_of(played: Script) -> Part:
    return Part(tuple(played.steps), tuple(part_of(child) for child in played.children))


@activity.defn(name="bench_step")
async def step(name: str) -> str:
    return name


@workflow.defn(name=TWIN)
class TwinWorkflow:
    @workflow.init
    def __init__(self, part: Part) -> None:
        self._children = part.children
        self._heard = {script.UPDATE: 0, script.SIGNAL: 0}
        self._awaited = {script.UPDATE: 0, script.SIGNAL: 0}
        self._answers = 0
        self._begun: dict[int, asyncio.Future[Any]] = {}
        self._does: dict[str, Callable[[str, int], Awaitable[None]]] = {
            script.LOCAL: self._local,
            script.BEGIN: self._begin,
            script.END: self._end,
            script.TIMER: self._timer,
            script.FIRES: self._end,
            script.CANCEL: self._cancel,
            script.CHILD: self._child,
            script.STARTED: self._started,
            script.CLOSED: self._end,
            script.UPDATE: self._update,
            script.ANSWER: self._answer,
            script.SIGNAL: self._signal,
            script.SEARCH: self._search,
            script.PATCH: self._patch,
        }

    @workflow.run
    async def run(self, part: Part) -> None:
        for does, what, number in part.steps:
            await self._does[does](what, number)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def ask(self) -> None:
        self._heard[script.UPDATE] += 1
        mine = self._heard[script.UPDATE]
        await workflow.wait_condition(lambda: self._answers >= mine)

    @workflow.signal
    def tell(self) -> None:
        self._heard[script.SIGNAL] += 1

    async def _local(self, _: str, __: int) -> None:
        await workflow.execute_local_activity(step, "", schedule_to_close_timeout=LOCAL_TIMEOUT)

    async def _begin(self, queue: str, number: int) -> None:
        self._begun[number] = workflow.start_activity(
            step, "", task_queue=queue, start_to_close_timeout=ATTEMPT
        )

    async def _end(self, _: str, number: int) -> None:
        await self._begun.pop(number)

    async def _timer(self, seconds: str, number: int) -> None:
        self._begun[number] = asyncio.ensure_future(workflow.sleep(float(seconds)))
        await asyncio.sleep(0)  # it starts before what comes next

    async def _cancel(self, _: str, number: int) -> None:
        self._begun.pop(number).cancel()
        await asyncio.sleep(0)

    async def _child(self, which: str, number: int) -> None:
        starting = workflow.start_child_workflow(
            TwinWorkflow.run,
            self._children[int(which)],
            id=child_id(workflow.info().workflow_id, int(which)),
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            search_attributes=search.at_start(CHANNEL, CHANNEL),
            static_summary="twin",
        )
        self._begun[number] = asyncio.ensure_future(starting)
        await asyncio.sleep(0)

    async def _started(self, _: str, number: int) -> None:
        self._begun[number] = await self._begun[number]

    async def _update(self, _: str, __: int) -> None:
        await self._hear(script.UPDATE)

    async def _signal(self, _: str, __: int) -> None:
        await self._hear(script.SIGNAL)

    async def _hear(self, kind: str) -> None:
        self._awaited[kind] += 1
        await workflow.wait_condition(lambda: self._heard[kind] >= self._awaited[kind])

    async def _answer(self, _: str, __: int) -> None:
        self._answers += 1

    async def _search(self, _: str, __: int) -> None:
        search.show_status(CHANNEL)

    async def _patch(self, name: str, _: int) -> None:
        workflow.patched(name)


def child_id(parent: str, number: int) -> str:
    return f"{parent}/f/{number}"
