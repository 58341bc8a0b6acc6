"""Puts the HTTP API together: routes, limits, problems, documentation."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import Tracer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from temporalio.client import Client

from api import (
    audit,
    catalog,
    changes,
    claims,
    codec,
    collecting,
    counts,
    dead_letters,
    docs,
    exceptions,
    finding,
    fulfillments,
    health,
    holds,
    importing,
    order_page,
    orders,
    papers,
    reconciliation,
    returning,
    returns,
    stock,
    subscriptions,
    unmatched,
    views,
    webhooks,
)
from api.backlog import Backlog
from api.codec import CodecCors
from api.context import ApiConfig, Context, Limits
from api.door import Door
from api.limits import BodyLimit
from api.load import InFlight
from api.problems import BY_STATUS, Kind, Problem, invalid
from api.rate import Buckets
from api.seeing import HEADER, Seeing, request_id
from db.engine import is_away, is_lock_timeout
from db.inbox.keys import KeyRing

__all__ = ["ApiConfig", "Limits", "create_app"]
log = logging.getLogger(__name__)
# The framework's own traces and logs would hold queries, paths and errors as they are.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False,
    "auto_configure": False,
}  # fmt: skip
_ROUTERS: Final = (
    finding, orders, views, changes, holds, fulfillments, collecting, papers, returning, returns,
    unmatched, exceptions, reconciliation, claims, stock, counts, catalog, importing, subscriptions,
    dead_letters, audit, webhooks, codec, health, order_page, docs,
)  # fmt: skip


def create_app(
    *, engine: AsyncEngine, temporal: Client, config: ApiConfig, tracer: Tracer | None = None
) -> FastAPI:
    """The engine and the client stay the caller's, who closes them. No tracer: no traces."""
    app = FastAPI(
        title=docs.TITLE,
        version=docs.VERSION,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        generate_unique_id_function=lambda route: route.name,
    )
    limits = config.limits
    app.state.context = Context(
        config,
        engine,
        temporal,
        KeyRing(engine),
        Door(config.placements_at_once, config.door_wait_s),
        Backlog(limits.most_waiting_orders),
        asked=Buckets(limits.key_rate),
        failed=Buckets(limits.failure_rate),
    )
    for module in _ROUTERS:
        app.include_router(module.router)
    app.add_middleware(
        BodyLimit,
        most_bytes=limits.most_body_bytes,
        within_s=limits.body_within_s,
        files={"/imports": limits.most_file_bytes},
    )
    app.add_middleware(InFlight, most=limits.most_in_flight, wait_s=limits.in_flight_wait_s)
    if config.temporal_ui_origin is not None:
        app.add_middleware(CodecCors, origin=config.temporal_ui_origin)
    app.add_middleware(Seeing, tracer=tracer)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for failure in (DBAPIError, PoolTimeout):
        app.add_exception_handler(failure, _database)
    app.add_exception_handler(Exception, _unexpected)
    docs.describe(app)
    return app


async def _problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return problem.response()


async def _invalid(request: Request, wrong: Exception) -> JSONResponse:
    """Every fault with its place; what was sent is not repeated."""
    assert isinstance(wrong, RequestValidationError)
    faults = wrong.errors()
    if any(fault["type"] == "model_attributes_type" and len(fault["loc"]) == 1 for fault in faults):
        return invalid([{"pointer": "", "detail": _no_object(request)}]).response()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return Problem(Kind.INVALID_JSON, _said(faults[0])).response()
    if any(fault["loc"][0] == "path" for fault in faults):
        return Problem(Kind.NOT_FOUND, "no id looks like this").response()
    return invalid([{"pointer": _pointer(f), "detail": _detail(f)} for f in faults]).response()


def _no_object(request: Request) -> str:
    """The framework takes a body for text unless its type says that it is JSON."""
    given = request.headers.get("content-type", "")
    if "json" in given:
        return "the body must be a JSON object"
    return f"the body must be JSON, sent with Content-Type: application/json, not {given or 'none'}"


def _detail(fault: dict[str, Any]) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def _said(fault: dict[str, Any]) -> str:
    return str(fault.get("ctx", {}).get("error", fault["msg"]))


def _pointer(fault: dict[str, Any]) -> str:
    """A JSON pointer into the body, or the name of a parameter."""
    where, *rest = fault["loc"]
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in rest]
    text = "".join(f"/{part}" for part in parts) if where == "body" else ".".join(parts)
    return text.encode("utf-8", "replace").decode()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = BY_STATUS.get(error.status_code, Kind.INTERNAL_ERROR)
    headers = dict(error.headers) if error.headers else {}
    if kind is Kind.METHOD_NOT_ALLOWED:
        headers["Allow"] = _methods_at(request)
    return Problem(kind, str(error.detail), headers=headers).response()


def _methods_at(request: Request) -> str:
    """All methods of the path; the framework names only those of its first route."""
    found: set[str] = set()
    for route in (route for module in _ROUTERS for route in module.router.routes):
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return ", ".join(sorted(found))


async def _database(request: Request, error: Exception) -> JSONResponse:
    if not is_away(error):
        return await _unexpected(request, error)
    if is_lock_timeout(error):
        detail = "somebody else is changing the same for longer than is waited; nothing was done"
        return Problem(Kind.UNAVAILABLE, detail).response()
    log.error("the database does not answer: %s", type(error).__name__)
    return Problem(Kind.UNAVAILABLE, "the database does not answer").response()


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "it was written down for the operators"
    # No layer of ours is around the one that answers with this.
    return Problem(Kind.INTERNAL_ERROR, detail, headers={HEADER: request_id() or ""}).response()
