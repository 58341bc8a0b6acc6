"""What every handler is given: configuration, database, Temporal, the key ring and the limits."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from api.backlog import Backlog
from api.door import Door
from api.rate import Buckets, Rate
from db.inbox.keys import KeyRing
from domain.timings import Timings

MEBIBYTE = 1024 * 1024
KEY_RATE = Rate(per_s=100.0, burst=200)
# Each holds a connection for as long as somebody reads.
MOST_EXPORTS = 4
FAILURE_RATE = Rate(per_s=1.0, burst=60)


@dataclass(frozen=True)
class Limits:
    """What one API process lets in; several processes let in several times as much."""

    key_rate: Rate = KEY_RATE
    # Requests without a good key or signature, for each client address.
    failure_rate: Rate = FAILURE_RATE
    most_in_flight: int = 256
    in_flight_wait_s: float = 1.0
    most_waiting_orders: int = 20_000
    most_body_bytes: int = MEBIBYTE
    body_within_s: float = 30.0
    # Of a bulk import, which is read part by part.
    most_file_bytes: int = 64 * MEBIBYTE


@dataclass(frozen=True)
class ApiConfig:
    """Several webhook secrets are valid at once while one is being replaced."""

    stripe_secrets: tuple[str, ...] = ()
    easypost_secrets: tuple[str, ...] = ()
    shopify_secrets: tuple[str, ...] = ()
    # These open the pages of orders; without one there are no pages.
    order_link_secrets: tuple[str, ...] = ()
    shopify_channel: str = "shopify"
    # For demonstrations and tests only: the cart's attributes name the tenders.
    shopify_tenders_from_attributes: bool = False
    # Subscriptions to private and loopback addresses: for a stack on one machine.
    webhooks_allow_private: bool = False
    # None: payloads in Temporal are not sealed.
    payload_codec: PayloadCodec | None = None
    temporal_ui_origin: str | None = None
    timings: Timings = field(default_factory=Timings)
    # How long a placement waits for its admission before the order is answered as accepted.
    admission_wait_s: float = 5.0
    # How many placements start their runs at once, in this process: the knee of a one-machine
    # Temporal is about here, and beyond it only the waiting grows.
    placements_at_once: int = 8
    # How long a placement stands before them; then it is answered as accepted, too.
    door_wait_s: float = 5.0
    # How long other messages wait: to be taken, and, once taken, to be done.
    take_wait_s: float = 5.0
    done_wait_s: float = 20.0
    limits: Limits = field(default_factory=Limits)
    now_s: Callable[[], float] = time.time  # noqa: TID251 - here time enters the API


@dataclass(frozen=True)
class Context:
    config: ApiConfig
    engine: AsyncEngine
    temporal: Client
    keys: KeyRing
    door: Door
    backlog: Backlog
    asked: Buckets  # by key
    failed: Buckets  # by client address
    exports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_EXPORTS))


async def get_context(request: Request) -> Context:
    """Async, as every dependency here: others are run in a thread, at every request."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


Ctx = Annotated[Context, Depends(get_context)]
