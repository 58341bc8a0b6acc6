"""The automatic warehouse: picks and packs whatever is open, over the API."""

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Any

import httpx

from workers.errors import UserError
from workers.local.demo.client import ApiClient

# People at work at once, over all locations.
HANDS = 4
LOOK_EVERY_S = 1.0
# Refused this often, a task is left to somebody who can think.
MOST_REFUSALS = 30


class Warehouse:
    """`left_alone` names the orders whose customers are about to call them off."""

    def __init__(self, api: ApiClient, left_alone: Collection[str]) -> None:
        self._api = api
        self._left_alone = left_alone
        self._in_hand: set[str] = set()
        self._refusals: Counter[str] = Counter()
        self._hands = asyncio.Semaphore(HANDS)
        self.notes: list[str] = []

    async def work(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for task in await self._open_tasks():
                    self._in_hand.add(task["fulfillment_id"])
                    tasks.create_task(self._do(task))
                await asyncio.sleep(LOOK_EVERY_S)

    async def _open_tasks(self) -> list[dict[str, Any]]:
        """What nobody has in hand; what was picked before we came is only packed."""
        try:
            return [
                task
                for state in ("open", "picked")
                async for task in self._api.each("/fulfillments", state=state)
                if self._is_ours(task)
            ]
        except UserError as error:
            self.notes.append(str(error))
            return []

    def _is_ours(self, task: dict[str, Any]) -> bool:
        name = task["fulfillment_id"]
        return (
            name not in self._in_hand
            and task["order_id"] not in self._left_alone
            and self._refusals[name] < MOST_REFUSALS
        )

    async def _do(self, task: dict[str, Any]) -> None:
        name = task["fulfillment_id"]
        lines = [{"line_no": x["line_no"], "quantity": x["quantity"]} for x in task["lines"]]
        steps = ("packed",) if task["state"] == "picked" else ("picked", "packed")
        async with self._hands:
            try:
                for step in steps:
                    answer = await self._api.report(name, step, lines)
                    if answer.status == httpx.codes.NOT_FOUND:
                        break  # its run is still to start: after a crash that takes a while
                    if not httpx.codes.is_success(answer.status):
                        self._refused(name, f"{step}: {answer.status} {answer.body}")
                        break
            except UserError as error:
                self.notes.append(f"{name}: {error}")  # nobody answers: that is no refusal
            finally:
                self._in_hand.discard(name)

    def _refused(self, name: str, reason: str) -> None:
        """The next look tries again, until it was too often."""
        self._refusals[name] += 1
        if self._refusals[name] == MOST_REFUSALS:
            self.notes.append(f"{name}: {reason}")
