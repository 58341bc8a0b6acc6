"""What every handler is given: configuration, database, Temporal and the key ring."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from db.inbox.keys import KeyRing
from domain.timings import Timings

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class ApiConfig:
    """Several webhook secrets are valid at once while one is being replaced."""

    stripe_secrets: tuple[str, ...] = ()
    easypost_secrets: tuple[str, ...] = ()
    shopify_secrets: tuple[str, ...] = ()
    shopify_channel: str = "shopify"
    # For demonstrations and tests only: the cart's attributes name the tenders.
    shopify_tenders_from_attributes: bool = False
    # None: payloads in Temporal are not sealed.
    payload_codec: PayloadCodec | None = None
    temporal_ui_origin: str | None = None
    timings: Timings = field(default_factory=Timings)
    # How long a placement waits for its admission before the order is answered as accepted.
    admission_wait_s: float = 5.0
    # How long other messages wait: to be taken, and, once taken, to be done.
    take_wait_s: float = 5.0
    done_wait_s: float = 20.0
    most_body_bytes: int = MEBIBYTE
    now_s: Callable[[], float] = time.time  # noqa: TID251 - here time enters the API


@dataclass(frozen=True)
class Context:
    config: ApiConfig
    engine: AsyncEngine
    temporal: Client
    keys: KeyRing


def get_context(request: Request) -> Context:
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


Ctx = Annotated[Context, Depends(get_context)]
