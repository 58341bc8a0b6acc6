"""Reads each body, up to a size and a time, before anything looks at it; else it is refused.

The framework's own limit answers in plain text; every refusal of ours is a problem document.
A file that is imported is not read before, but counted and timed as it comes.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Kind, Problem

_LENGTH: Final = b"content-length"


class _TooLarge(Exception):
    pass


class BodyLimit:
    def __init__(
        self,
        app: ASGIApp,
        most_bytes: int,
        within_s: float,
        files: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """`files`: the paths that take files, each with as many bytes as it may have."""
        self._app = app
        self._most = most_bytes
        self._within_s = within_s
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "POST" and (most := self._files.get(scope["path"])):
            await self._app(scope, _counted(receive, most, self._within_s), send)
            return
        try:
            async with asyncio.timeout(self._within_s):
                body = await self._read(scope, receive)
        except _TooLarge:
            problem = Problem(Kind.TOO_LARGE, f"at most {self._most} bytes are read")
            await problem.response()(scope, receive, send)
            return
        except TimeoutError:
            problem = Problem(Kind.TOO_SLOW, f"it is waited for {self._within_s:g} s")
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        declared = dict(scope["headers"]).get(_LENGTH, b"0")
        # A length that is no number is the server's to refuse.
        if declared.isdigit() and len(declared) < 20 and int(declared) > self._most:  # noqa: PLR2004
            raise _TooLarge
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            part = message.get("body", b"")
            size += len(part)
            if size > self._most:
                raise _TooLarge
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


def _counted(receive: Receive, most: int, within_s: float) -> Receive:
    """Each part of a file must come in time. Raises (to whoever reads): Problem."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        try:
            async with asyncio.timeout(within_s):
                message = await receive()
        except TimeoutError:
            raise Problem(Kind.TOO_SLOW, f"its next part is waited for {within_s:g} s") from None
        size += len(message.get("body", b""))
        if size > most:
            raise Problem(Kind.TOO_LARGE, f"at most {most} bytes are read")
        return message

    return counted


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body once, then whatever the server says next (that the caller has gone)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
