"""Lets the product live orders: placed and packed over HTTP, followed until they have ended."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg

from workers.errors import UserError
from workers.local.demo.client import ApiClient
from workers.local.demo.warehouse import Warehouse
from workers.local.stack import Stack

LOOK_EVERY_S: Final = 0.1
# Not one order ends for so long: something hangs.
STALLED_S: Final = 120.0


class Orders:
    """`in_flight` orders are on their way at once; the next is placed when one has ended."""

    def __init__(self, stack: Stack, superuser_dsn: str, in_flight: int) -> None:
        self._stack = stack
        self._dsn = superuser_dsn
        self._in_flight = in_flight
        self._ends: dict[str, asyncio.Future[str]] = {}
        self._ended_at: list[float] = []

    async def run(self, documents: Sequence[dict[str, Any]]) -> list[float]:
        """Live them all; when each ended, on the monotonic clock.

        Raises: UserError when one is not delivered.
        """
        self._ended_at = []
        async with (
            ApiClient(self._stack.api_url, self._stack.api_key) as shop,
            ApiClient(self._stack.api_url, self._stack.api_key) as counter,
            await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection,
        ):
            helpers = [
                asyncio.create_task(Warehouse(counter, ()).work()),
                asyncio.create_task(self._watch(connection)),
            ]
            buying = asyncio.create_task(self._buy_all(shop, iter(documents)))
            try:
                await asyncio.wait({buying, *helpers}, return_when=asyncio.FIRST_COMPLETED)
                for helper in helpers:
                    if helper.done():
                        helper.result()
                await buying
            finally:
                for task in (buying, *helpers):
                    task.cancel()
                await asyncio.gather(buying, *helpers, return_exceptions=True)
        return self._ended_at

    async def _buy_all(self, shop: ApiClient, documents: Iterator[dict[str, Any]]) -> None:
        async with asyncio.TaskGroup() as buyers:
            for _ in range(self._in_flight):
                buyers.create_task(self._buy(shop, documents))

    async def _buy(self, shop: ApiClient, documents: Iterator[dict[str, Any]]) -> None:
        for document in documents:
            name = document["external_id"]
            self._ends[name] = end = asyncio.get_running_loop().create_future()
            answer = await shop.place(document)
            if answer.status >= 300:  # noqa: PLR2004 - 201 or 202
                raise UserError(f"{name} was not taken: {answer.status} {answer.body}")
            outcome = await end
            if outcome != "delivered":
                raise UserError(f"{name} is {outcome}")
            self._ended_at.append(time.monotonic())

    async def _watch(self, connection: psycopg.AsyncConnection) -> None:
        """Raises: UserError when nothing moves any more."""
        moved = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            answer = await connection.execute(
                "SELECT external_id, outcome FROM orders"
                " WHERE external_id = ANY(%s) AND outcome IS NOT NULL",
                (list(self._ends),),
            )
            for name, outcome in await answer.fetchall():
                self._ends.pop(name).set_result(outcome)
                moved = time.monotonic()
            if self._ends and time.monotonic() - moved > STALLED_S:
                raise UserError(f"no order has ended for {STALLED_S:.0f} s")
