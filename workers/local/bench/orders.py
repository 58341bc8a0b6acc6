"""Lets the product live orders: placed and packed over HTTP, followed until they have ended."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import psycopg

from workers.errors import UserError
from workers.local.bench.shop import CHANNEL
from workers.local.demo.client import ApiClient
from workers.local.demo.plan import DELIVERED
from workers.local.demo.warehouse import Warehouse
from workers.local.stack import Stack

LOOK_EVERY_S: Final = 0.1
# Not one order ends for so long: something hangs.
STALLED_S: Final = 120.0


_FAR: Final = """
    SELECT o.external_id, o.outcome, f.state NOT IN ('open', 'picked') AS is_packed
    FROM orders o LEFT JOIN fulfillments f USING (order_id)
    WHERE o.channel = %s AND o.external_id = ANY(%s)
"""


class Orders:
    """`in_hand` orders are placed and not packed yet; when one is packed, the next is placed.

    Parcels on the road cost nothing while they travel: they are not counted.
    """

    def __init__(self, stack: Stack, superuser_dsn: str, in_hand: int) -> None:
        self._stack = stack
        self._dsn = superuser_dsn
        self._in_hand = in_hand
        self._open: dict[str, asyncio.Event] = {}  # placed and not ended; set when packed
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
            working = asyncio.create_task(Warehouse(counter, ()).work())
            following = asyncio.create_task(self._follow(connection, len(documents)))
            buying = asyncio.create_task(self._buy_all(shop, iter(documents)))
            tasks = (working, following, buying)
            try:
                await asyncio.wait({working, following}, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return self._ended_at

    async def _buy_all(self, shop: ApiClient, documents: Iterator[dict[str, Any]]) -> None:
        async with asyncio.TaskGroup() as buyers:
            for _ in range(self._in_hand):
                buyers.create_task(self._buy(shop, documents))

    async def _buy(self, shop: ApiClient, documents: Iterator[dict[str, Any]]) -> None:
        for document in documents:
            self._open[document["external_id"]] = packed = asyncio.Event()
            answer = await shop.place(document)
            if not httpx.codes.is_success(answer.status):
                raise UserError(f"an order was not taken: {answer.status} {answer.body}")
            await packed.wait()

    async def _follow(self, connection: psycopg.AsyncConnection, count: int) -> None:
        """Until so many have ended. Raises: UserError when none does, or one ends badly."""
        moved = time.monotonic()
        while len(self._ended_at) < count:
            await asyncio.sleep(LOOK_EVERY_S)
            answer = await connection.execute(_FAR, (CHANNEL, list(self._open)))
            for name, outcome, is_packed in await answer.fetchall():
                if is_packed:
                    self._open[name].set()
                if outcome is not None:
                    moved = time.monotonic()
                    self._end(name, outcome, moved)
            if time.monotonic() - moved > STALLED_S:
                raise UserError(f"no order has ended for {STALLED_S:.0f} s")

    def _end(self, name: str, outcome: str, now: float) -> None:
        if outcome != DELIVERED:
            raise UserError(f"{name} is {outcome}")
        self._open.pop(name).set()
        self._ended_at.append(now)
