"""A write about webhooks and dead letters: who asks, under which key, answered once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import WebhooksWriter
from api.context import Ctx
from api.fields import IdempotencyKey


@dataclass(frozen=True)
class Writing:
    context: Ctx
    caller: WebhooksWriter
    idempotency_key: IdempotencyKey = None

    @property
    def actor(self) -> str:
        return self.caller.actor

    async def once(
        self,
        request: list[Any],
        write: Callable[[AsyncConnection], Awaitable[dict[str, Any]]],
        status: int = 200,
    ) -> JSONResponse:
        """Do what `request` names, in one transaction. Raises: Problem."""
        once = Once(self.context, self.caller, self.idempotency_key, request)
        return await once.written(write, status)


Write = Annotated[Writing, Depends()]
