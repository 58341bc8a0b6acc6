"""Takes each vendor request in: faults, one transaction around the effect, a line in the log."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.calls import Call, Refused, Reply
from sandbox.faults import Fault, Faults
from sandbox.store import Store, Tx

# uvicorn closes the connection without a word when an application returns something.
CUT: Final = "cut"
# What a proxy between the vendor and us might say instead of the vendor's own answer.
GARBLED: Final = {"message": "welcome to the portal"}
log = logging.getLogger("sandbox.gate")


class Vendor(Protocol):
    """What the gate needs of a vendor: an answer, its shape of an outage, and its busy marks."""

    name: str

    def answer(self, tx: Tx, call: Call) -> Reply:
        """Raises: Refused."""

    def outage(self, status: int) -> Any:
        """The body beside an HTTP 429 or 500."""

    def refusal(self) -> Reply:
        """Its final no to what could not be done, whatever it was."""

    def busy_mark(self, call: Call) -> str | None:
        """What two requests may not hold at the same time."""

    def busy(self, call: Call) -> Reply:
        """The answer to the second of them."""


class Gate:
    """One vendor's door; an ASGI application."""

    def __init__(
        self, vendor: Vendor, store: Store, faults: Faults, on_change: Callable[[], None]
    ) -> None:
        self._vendor = vendor
        self._store = store
        self._faults = faults
        self._on_change = on_change
        self._busy: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> str | None:
        call = await _read(self._vendor.name, Request(scope, receive))
        mark = self._vendor.busy_mark(call)
        if mark in self._busy:
            reply: Reply | None = self._vendor.busy(call)
        else:
            reply = await self._guarded(call, mark)
        if reply is None:
            return CUT
        await _response(reply)(scope, receive, send)
        return None

    async def _guarded(self, call: Call, mark: str | None) -> Reply | None:
        if mark is not None:
            self._busy.add(mark)
        try:
            fault = self._faults.take(call.vendor, call.method, call.path, call.body)
            return await self._faulty(call, fault)
        finally:
            self._busy.discard(mark or "")

    async def _faulty(self, call: Call, fault: Fault | None) -> Reply | None:
        """The reply, or nothing when the connection is cut."""
        kind = fault.kind if fault else ""
        if fault and kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault and kind in ("http_401", "http_429", "http_500", "cut_before_effect"):
            reply = self._outage(fault)
            self._log(call, reply, kind)
            return None if kind == "cut_before_effect" else reply
        if kind == "refused":
            reply = self._vendor.refusal()
            self._log(call, reply, kind)
            return reply
        try:
            reply = self._effect(call, kind)
        except Exception:  # uvicorn's own log is silenced, see __main__
            log.exception("%s %s of %s failed", call.method, call.path, call.vendor)
            return Reply(self._vendor.outage(500), 500)
        if kind == "garbled_after_effect":
            return Reply(GARBLED, 200)
        return None if kind == "cut_after_effect" else reply

    def _outage(self, fault: Fault) -> Reply:
        if fault.kind == "http_429":
            headers = {"Retry-After": str(fault.retry_after)}
            return Reply(self._vendor.outage(429), 429, headers)
        status = 401 if fault.kind == "http_401" else 500
        return Reply(self._vendor.outage(status), status)

    def _effect(self, call: Call, fault: str) -> Reply:
        with self._store.transaction() as tx:
            try:
                reply = self._vendor.answer(tx, call)
            except Refused as refused:
                reply = refused.reply
            if call.mutating:
                _note(tx, call, reply, fault)
        self._on_change()
        return reply

    def _log(self, call: Call, reply: Reply, fault: str) -> None:
        if call.mutating:
            with self._store.transaction() as tx:
                _note(tx, call, reply, fault)


def _note(tx: Tx, call: Call, reply: Reply, fault: str) -> None:
    tx.db.execute(
        "INSERT INTO requests (at, vendor, method, path, idempotency_key, replayed, status, fault)"
        " VALUES (?,?,?,?,?,?,?,?)",
        (
            tx.now,
            call.vendor,
            call.method,
            call.path,
            call.headers.get("idempotency-key"),
            reply.replayed,
            reply.status,
            fault or None,
        ),
    )


async def _read(vendor: str, request: Request) -> Call:
    headers: Mapping[str, str] = dict(request.headers)
    path = request.scope["path"].removeprefix(f"/{vendor}")
    query = dict(request.query_params)
    return Call(vendor, request.method, path, query, headers, await request.body())


def _response(reply: Reply) -> Response:
    body = json.dumps(reply.body, ensure_ascii=False).encode()
    return Response(body, reply.status, dict(reply.headers), media_type="application/json")
