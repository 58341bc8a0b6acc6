"""Posts to one receiver over kept connections: a webhook must cost less than what it tells of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 10.0
END_OF_HEAD: Final = b"\r\n\r\n"

# Path, headers and body to the status answered. Raises: OSError, EOFError, ValueError.
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HttpPost:
    """Plain HTTP/1.1 to `url`, which is this machine's own API."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"webhooks go to an http:// address, not to {url!r}")
        self._host = parts.hostname
        self._port = parts.port or 80
        self._base = parts.path.rstrip("/")
        self._idle: list[Pipe] = []

    async def __call__(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        request = self._head(path, headers, len(body)) + body
        async with asyncio.timeout(TIMEOUT_S):
            while self._idle:
                try:
                    return await self._exchange(self._idle.pop(), request)
                except (OSError, EOFError):
                    continue  # closed by the receiver while it lay idle
            pipe = await asyncio.open_connection(self._host, self._port)
            return await self._exchange(pipe, request)

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    def _head(self, path: str, headers: Mapping[str, str], length: int) -> bytes:
        lines = [
            f"POST {self._base}{path} HTTP/1.1",
            f"host: {self._host}:{self._port}",
            f"content-length: {length}",
            "content-type: application/json",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join(lines).encode() + END_OF_HEAD

    async def _exchange(self, pipe: Pipe, request: bytes) -> int:
        reader, writer = pipe
        kept = False
        try:
            writer.write(request)
            await writer.drain()
            status, headers = _parsed(await reader.readuntil(END_OF_HEAD))
            if "content-length" in headers and headers.get("connection", "").lower() != "close":
                await reader.readexactly(int(headers["content-length"]))
                self._idle.append(pipe)
                kept = True
            return status
        finally:
            if not kept:
                writer.close()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}
