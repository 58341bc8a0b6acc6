"""What is seen of every request: its id, how it ended and how long it took, and its trace.

Routes appear as they are written in the code, with `{order_id}` for an order's id: a figure's
labels, and a span's name, hold nothing that a caller chose.
"""

import re
import secrets
import time
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-Id"
_HEADER: Final = HEADER.lower().encode()
# What others' ids look like; anything else would be a way into our log.
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
NO_ROUTE: Final = "none"
# From a look by key to the longest that a message to a run is waited for.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUESTS: Final = Counter(
    "oms_http_requests", "Requests that were answered.", ["method", "route", "status"]
)
SECONDS: Final = Histogram(
    "oms_http_request_seconds", "How long an answer took.", ["method", "route"], buckets=BUCKETS
)
IN_FLIGHT: Final = Gauge("oms_http_in_flight", "Requests under way.")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_propagator: Final = TraceContextTextMapPropagator()


def request_id() -> str | None:
    """The id of the request that is worked on."""
    return _request_id.get()


class Seeing:
    """The outermost layer: what the others refuse is seen as well."""

    def __init__(self, app: ASGIApp, tracer: Tracer | None = None) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Not taken back: whoever answers for an error that nobody expected stands outside.
        _request_id.set(_id_of(scope))
        if self._tracer is None:
            await self._measured(scope, receive, send)
            return
        span = _begin(self._tracer, scope)
        with use_span(span, True, False, False):  # noqa: FBT003 - ends it, and records no error
            span.set_attribute("http.response.status_code", 500)
            try:
                await self._measured(scope, receive, _telling(span, send))
            except Exception as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise
            finally:
                span.update_name(f"{_method(scope)} {_route(scope)}")
                span.set_attribute("http.route", _route(scope))

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500  # what is answered when an error comes to here

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id() or ""
            await send(message)

        began = time.monotonic()
        IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, answer)
        finally:
            IN_FLIGHT.dec()
            method, route = _method(scope), _route(scope)
            SECONDS.labels(method, route).observe(time.monotonic() - began)
            REQUESTS.labels(method, route, str(status)).inc()


def _id_of(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
    return given.decode() if _WELL_FORMED.fullmatch(given) else secrets.token_hex(8)


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in METHODS else "other"


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", NO_ROUTE)


def _begin(tracer: Tracer, scope: Scope) -> Span:
    """Begin a span of the caller's trace, when there is one."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    parent = _propagator.extract(headers, context=Context())
    attributes = {"http.request.method": _method(scope), "request_id": request_id() or ""}
    return tracer.start_span(_method(scope), parent, SpanKind.SERVER, attributes)


def _telling(span: Span, send: Send) -> Send:
    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= 500:  # noqa: PLR2004 - ours to correct
                span.set_status(StatusCode.ERROR)
        await send(message)

    return tell
