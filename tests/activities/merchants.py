"""Merchants with real HTTP receivers on loopback, and orders of which they can be told."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.addresses import Addresses
from activities.delivery import Delivery
from activities.merchant_news import MerchantNews, open_merchant_http
from db.engine import rows, run
from db.inbox.subscriptions import Wish, subscribe
from db.stores import orders
from domain.events import OrderEvent


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


Answering = Callable[[Call], Awaitable[tuple[int, dict[str, str]]]]


async def _thanks(_: Call) -> tuple[int, dict[str, str]]:
    return 204, {}


@dataclass
class Receiver:
    """A merchant's system: keeps every call, then answers as it is told to."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answer: Answering = _thanks
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def sequences(self, order_id: str) -> list[int]:
        return [c.told["sequence"] for c in self.calls if c.told["order_id"] == order_id]

    def ids(self) -> Counter[str]:
        return Counter(call.headers["webhook-id"] for call in self.calls)


async def hang(_: Call) -> tuple[int, dict[str, str]]:
    await asyncio.Event().wait()
    raise AssertionError


def answers(status: int, **headers: str) -> Answering:
    async def answer(_: Call) -> tuple[int, dict[str, str]]:
        return status, headers

    return answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """An HTTP server of a few lines, so that nothing between us and the wire is ours."""
    talks: set[asyncio.Task[Any]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            call = await _read(reader)
            receiver.calls.append(call)
            receiver.heard.set()
            status, headers = await receiver.answer(call)
            headers = {"Content-Length": "0", "Connection": "close", **headers}
            lines = [f"HTTP/1.1 {status} Whatever", *map(": ".join, headers.items())]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            talks.discard(task)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    receiver = Receiver(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
    try:
        yield receiver
    finally:
        server.close()
        for task in list(talks):
            task.cancel()


async def _read(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in headers.items()}
    body = await reader.readexactly(int(headers["content-length"]))
    return Call(head[0].split(" ")[1], headers, body)


@dataclass
class Merchants:
    """Orders in a database of their own, told as steps tell them."""

    engine: AsyncEngine
    addresses: Addresses
    http: Any
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def delivery(self) -> Delivery:
        return Delivery(self.engine, {"webhook": MerchantNews(self.addresses, self.http)})

    async def subscribe(self, url: str, *events: str) -> tuple[str, str]:
        async with self.engine.begin() as tx:
            return await subscribe(tx, "test", Wish(url, events or ("*",)))

    async def order(self) -> str:
        number = next(self.numbers)
        await self.sql(
            """
            INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
                customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
            VALUES (:order_id, 'shop', :external_id, 'USD', 'en', 100, 'Ada Buyer',
                'ada@example.com', '{}', now(), 's', now())
            """,
            order_id=f"shop-{number}.x",
            external_id=f"{number}.x",
        )
        return f"shop-{number}.x"

    async def tell(self, order_id: str, *events: OrderEvent, **data: Any) -> None:
        for event in events:
            async with self.engine.begin() as tx:
                await orders.tell(tx, order_id, event, data=data)

    async def sql(self, statement: str, **values: Any) -> int:
        async with self.engine.begin() as tx:
            return await run(tx, statement, **values)

    async def outbox(self, condition: str = "true") -> list[Any]:
        async with self.engine.connect() as tx:
            return list(
                await rows(tx, f"SELECT * FROM outbox WHERE {condition} ORDER BY outbox_id")
            )

    async def waiting(self) -> list[Any]:
        return await self.outbox("delivered_at IS NULL AND dead_at IS NULL")

    async def hurry(self) -> None:
        """Let the time pass until everything that waits is due."""
        await self.sql(
            """
            UPDATE outbox SET next_attempt_at = now() WHERE outbox_id IN (
                SELECT outbox_id FROM outbox WHERE delivered_at IS NULL FOR UPDATE SKIP LOCKED)
            """
        )


@asynccontextmanager
async def merchants_of(engine: AsyncEngine) -> AsyncIterator[Merchants]:
    async with engine.begin() as tx:
        await run(tx, "INSERT INTO pools VALUES ('main')")
        await run(
            tx,
            "INSERT INTO channels (channel, name, kind, pool, currencies) "
            "VALUES ('shop', 'Shop', 'api', 'main', '{USD}')",
        )
    addresses = Addresses(allow_private=True)
    async with open_merchant_http() as http:
        yield Merchants(engine, addresses, http)
    addresses.close()


async def deliver(delivery: Delivery) -> int:
    """Give every lane with something due one turn."""
    turns = await asyncio.gather(*map(delivery.deliver, await delivery.due_lanes()))
    return sum(turn.count for turn in turns)
