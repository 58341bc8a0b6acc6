"""Puts the HTTP API together: routes, limits, problems, documentation."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from temporalio.client import Client

from api import codec, docs, exceptions, fulfillments, health, orders, stock, webhooks
from api.codec import CodecCors
from api.context import ApiConfig, Context
from api.limits import BodyLimit
from api.problems import BY_STATUS, Kind, Problem, invalid
from db.inbox.keys import KeyRing

__all__ = ["ApiConfig", "create_app"]
log = logging.getLogger(__name__)
_ROUTERS: Final = (orders, fulfillments, exceptions, stock, webhooks, codec, health, docs)


def create_app(*, engine: AsyncEngine, temporal: Client, config: ApiConfig) -> FastAPI:
    """The engine and the client stay the caller's, who closes them."""
    app = FastAPI(
        title=docs.TITLE,
        version=docs.VERSION,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.context = Context(config, engine, temporal, KeyRing(engine))
    for module in _ROUTERS:
        app.include_router(module.router)
    app.add_middleware(BodyLimit, most_bytes=config.most_body_bytes)
    if config.temporal_ui_origin is not None:
        app.add_middleware(CodecCors, origin=config.temporal_ui_origin)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(Exception, _unexpected)
    docs.describe(app)
    return app


async def _problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return problem.response()


async def _invalid(_: Request, wrong: Exception) -> JSONResponse:
    """Every fault with its place; what was sent is not repeated."""
    assert isinstance(wrong, RequestValidationError)
    faults = wrong.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return Problem(Kind.INVALID_JSON, _said(faults[0])).response()
    if any(fault["loc"][0] == "path" for fault in faults):
        return Problem(Kind.NOT_FOUND, "no id looks like this").response()
    return invalid([{"pointer": _pointer(f), "detail": f["msg"]} for f in faults]).response()


def _said(fault: dict[str, Any]) -> str:
    return str(fault.get("ctx", {}).get("error", fault["msg"]))


def _pointer(fault: dict[str, Any]) -> str:
    """A JSON pointer into the body, or the name of a parameter."""
    where, *rest = fault["loc"]
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in rest]
    text = "".join(f"/{part}" for part in parts) if where == "body" else ".".join(parts)
    return text.encode("utf-8", "replace").decode()


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = BY_STATUS.get(error.status_code, Kind.INTERNAL_ERROR)
    headers = dict(error.headers) if error.headers else None
    return Problem(kind, str(error.detail), headers=headers).response()


async def _database_away(_: Request, error: Exception) -> JSONResponse:
    log.error("the database does not answer: %s", type(error).__name__)
    return Problem(
        Kind.UNAVAILABLE, "the database does not answer", headers={"Retry-After": "2"}
    ).response()


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Problem(Kind.INTERNAL_ERROR, "it was written down for the operators").response()
