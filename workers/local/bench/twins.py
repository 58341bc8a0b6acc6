"""Lets twins live: started and sent what their script says, as the product's runs are."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from workers.local.bench.script import UPDATE, Message, Script
from workers.local.bench.twin import CHANNEL, TwinWorkflow, child_id, part_of
from workflows import search
from workflows.messages import CORE_QUEUE

# A child's run is there a moment after its parent was told of it.
AGAIN_S: Final = 0.1
# What comes so soon is somebody's next word: the answer to the last one tells where the run is.
AT_ONCE_S: Final = 0.1
Run = WorkflowHandle[Any, Any]
PATIENCE: Final = timedelta(seconds=60)


class Twins:
    """`in_hand` twins live until they were sent their last update; then the next is started."""

    def __init__(self, client: Client, script: Script, in_hand: int) -> None:
        self._client = client
        self._script = script
        self._part = part_of(script)
        self._in_hand = in_hand
        self._ended_at: list[float] = []

    async def run(self, names: list[str]) -> list[float]:
        """Live them all; when each ended, on the monotonic clock."""
        self._ended_at = []
        left = iter(names)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._in_hand):
                group.create_task(self._live_each(left, group))
        return self._ended_at

    async def _live_each(self, names: Iterator[str], group: asyncio.TaskGroup) -> None:
        for name in names:
            own = self._script.messages
            is_asked = bool(own) and own[0].kind == UPDATE
            handle = await self._start(name, asked=is_asked)
            runs = [(handle, own[1:] if is_asked else own)]
            for number, child in enumerate(self._script.children):
                run = self._client.get_workflow_handle(child_id(name, number))
                runs.append((run, child.messages))
            in_hand = [self._send_all(run, _until_last_update(told)) for run, told in runs]
            await asyncio.gather(*in_hand)
            group.create_task(self._end(handle, runs))

    async def _end(self, handle: Run, runs: Sequence[tuple[Run, list[Message]]]) -> None:
        later = [self._send_all(run, told[len(_until_last_update(told)) :]) for run, told in runs]
        await asyncio.gather(handle.result(), *later)
        self._ended_at.append(time.monotonic())

    async def _start(self, name: str, *, asked: bool) -> Run:
        """With its first update, when it has one, as a placement is."""
        options: dict[str, Any] = {
            "id": name,
            "task_queue": CORE_QUEUE,
            "search_attributes": search.at_start(CHANNEL, CHANNEL),
            "static_summary": "twin",
        }
        if not asked:
            return await self._client.start_workflow(TwinWorkflow.run, self._part, **options)
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            TwinWorkflow.run,
            self._part,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            **options,
        )
        await self._client.execute_update_with_start_workflow(
            TwinWorkflow.ask, start_workflow_operation=start, rpc_timeout=PATIENCE
        )
        return await start.workflow_handle()

    async def _send_all(self, run: Run, messages: list[Message]) -> None:
        for message in messages:
            await asyncio.sleep(message.gap_s)
            if message.gap_s > AT_ONCE_S:
                await _until(lambda m=message: _has_come_to(run, m.after))  # type: ignore[misc]
            await _until(lambda m=message: _sent(run, m))  # type: ignore[misc]


def _until_last_update(messages: list[Message]) -> list[Message]:
    """What comes after it is a carrier's word, while nobody has the parcel in hand."""
    last = max((n for n, each in enumerate(messages, start=1) if each.kind == UPDATE), default=0)
    return messages[:last]


async def _until(probe: Callable[[], Awaitable[bool]]) -> None:
    """Nobody tells how far a run has come. Raises: TimeoutError."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not await probe():  # noqa: ASYNC110 - see above
            await asyncio.sleep(AGAIN_S)


async def _has_come_to(run: Run, events: int) -> bool:
    """A message that came too early would save a workflow task."""
    try:
        return (await run.describe()).history_length >= events
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return False


async def _sent(run: Run, message: Message) -> bool:
    """False when the run is not there yet."""
    try:
        if message.kind == UPDATE:
            await run.execute_update(TwinWorkflow.ask, rpc_timeout=PATIENCE)
        else:
            await run.signal(TwinWorkflow.tell)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
