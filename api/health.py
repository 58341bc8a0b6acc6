"""Whether the process lives, and whether it can work."""

import asyncio
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from api.context import Context, Ctx
from api.problems import Kind, Problem, documented

router: Final = APIRouter(tags=["health"])
_PATIENCE_S: Final = 2.0


@router.get("/health")
async def health() -> dict[str, str]:
    """Say that the process lives. Open."""
    return {"status": "ok"}


@router.get("/ready", responses=documented(Kind.UNAVAILABLE))
async def ready(context: Ctx) -> dict[str, str]:
    """Say whether database and Temporal answer. Open."""
    missing = [
        name
        for name, is_there in (
            ("database", await _database(context)),
            ("temporal", await _temporal(context)),
        )
        if not is_there
    ]
    if missing:
        raise Problem(Kind.UNAVAILABLE, f"no answer from: {', '.join(missing)}")
    return {"status": "ready"}


async def _database(context: Context) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S), context.engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))
    except (SQLAlchemyError, TimeoutError, OSError):
        return False
    return True


async def _temporal(context: Context) -> bool:
    try:
        return await context.temporal.service_client.check_health(
            timeout=timedelta(seconds=_PATIENCE_S)
        )
    except (RPCError, RuntimeError):
        return False
