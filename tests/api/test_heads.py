"""Who has shown no key yet can neither fill the memory nor hold a connection for ever."""

import asyncio

import pytest

from api import heads
from tests.api.world import Api
from tests.workers.served import served

PATIENCE_S = 20


@pytest.mark.parametrize(
    "part", ["GET /{}", "GET / HTTP/1.1\r\nX-Long: {}", "GET / HTTP/1.1\r\n{}"]
)
async def test_a_head_without_end_is_cut_off(api: Api, part: str) -> None:
    filling = "X: y\r\n" * 100 if part.endswith("\n{}") else "x" * 600
    async with served(api.app) as base, asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
        writer.write(part.format(filling).encode())
        answer = asyncio.create_task(_what_came(reader))
        while not answer.done():
            writer.write(filling.encode() * 10)
            await asyncio.sleep(0.01)
        writer.close()
    # Nothing, where the end of the connection overtook it.
    assert answer.result()[:13] in (b"HTTP/1.1 400 ", b"")


async def _what_came(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_a_head_that_does_not_come_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "HEAD_WITHIN_S", 0.2)
    async with served(api.app) as base, asyncio.timeout(PATIENCE_S):
        port = int(base.rpartition(":")[2])
        for begun in (b"", b"GET /health HT"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            assert await reader.read() == b""
            writer.close()


async def test_several_requests_of_one_connection_are_counted_each_for_itself(api: Api) -> None:
    head = "Host: a\r\nX-Long: " + "x" * 30_000 + "\r\n\r\n"
    async with served(api.app) as base, asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
        for _ in range(5):
            writer.write(f"GET /health HTTP/1.1\r\n{head}".encode())
            assert (await reader.readline()).split()[1] == b"200"
            length = 0
            while (line := await reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split()[1])
            await reader.readexactly(length)
        writer.close()
