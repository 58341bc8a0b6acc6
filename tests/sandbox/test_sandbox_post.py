"""The poster: connections kept while they last, replaced when they do not."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from sandbox.post import HttpPost


class Listener:
    """A receiver that counts connections and answers as told."""

    def __init__(self, answer):
        self.answer = answer
        self.connections = 0
        self.requests = []

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                self.requests.append((head, await reader.readexactly(length)))
                writer.write(self.answer)
                await writer.drain()
                if b"connection: close" in self.answer or b"content-length" not in self.answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(answer):
    listener = Listener(answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    post = HttpPost(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/")
    try:
        yield listener, post, server
    finally:
        post.close()
        server.close()


async def test_a_connection_is_used_again():
    async with listening(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok") as (
        there,
        post,
        _,
    ):
        assert await post("/webhooks/stripe", {"x-a": "b"}, b"one") == 202
        assert await post("/webhooks/stripe", {}, b"two") == 202
        assert there.connections == 1
        (head, body), (_, second) = there.requests
        assert head.startswith("POST /base/webhooks/stripe HTTP/1.1\r\n")
        assert "x-a: b\r\n" in head
        assert (body, second) == (b"one", b"two")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_a_connection_that_ends_is_replaced(answer):
    async with listening(answer) as (there, post, _):
        assert [await post("/x", {}, b"1"), await post("/x", {}, b"2")] == [204, 204]
        assert there.connections == 2


async def test_a_connection_that_died_while_idle_is_replaced():
    async with listening(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as (there, post, _):
        await post("/x", {}, b"1")
        (_, writer), *_ = post._idle
        writer.transport.abort()
        assert await post("/x", {}, b"2") == 200
        assert there.connections == 2


async def test_nobody_there_is_an_os_error():
    async with listening(b"") as (_, post, server):
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await post("/x", {}, b"1")


async def test_only_plain_http_is_spoken():
    with pytest.raises(ValueError, match="http://"):
        HttpPost("https://example.com")
